"""The local platform: real PostgreSQL, real nats-server and every service, as child processes."""
