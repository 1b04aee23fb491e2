"""The demo: a real grocer's year, replayed through the platform's public doors."""
