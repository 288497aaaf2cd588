"""What is reachable without signing in: event intake, pixel, click, unsubscribe, preferences, "why do I receive this?"."""
