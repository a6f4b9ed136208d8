"""What people, hosts and sockets do: async verbs, one small class per noun."""
