"""What only one technology does, beyond the port it keeps."""
