"""The chat itself: nouns, rules and verbs, free of any technology."""
