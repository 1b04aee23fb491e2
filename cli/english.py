"""The English sentences of `aljibe`. Keys in `.help` and `.examples` belong to a command."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # the command line itself
    "root.help": (
        "One stock pool, every channel: start the platform on this machine, and look after it.\n\n"
        "Exit codes: 0 done; 1 refused, or a difference was found; 2 wrong usage; 3 platform not reachable.\n\n"
        "Commands speak to the platform that runs on the data folder, or to ALJIBE_<SERVICE>_ADDRESS or --url. They sign"
        " in with ALJIBE_TOKEN, or as operator with the development key of the data folder."
    ),
    "root.examples": """
aljibe up                               start everything; Ctrl-C ends it
aljibe demo                             replay a real grocer's baskets
aljibe order list --state in_progress   what is on its way
aljibe audit --json                     rebuild every counter, for a script
""",
    "help.examples": "Examples",
    "help.arguments": "Arguments",
    "help.options": "Options",
    "help.commands": "Commands",
    "option.json": "Print JSON documents (ProtoJSON) for scripts; errors are JSON on standard error.",
    "option.lang": "Language of texts: en or es. Else ALJIBE_LANG or LANG.",
    "option.data": "Data folder of the platform.",
    "option.url": "gRPC address of the service to ask, instead of the running platform's.",
    "option.limit": "At most so many.",
    "option.bad_duration": "'{text}' is no span of time: write 90s, 30m, 8h or 7d",
    # up
    "up.help": (
        "Start PostgreSQL, NATS and every service, and keep them running until Ctrl-C.\n\n"
        "Whatever dies is started again. ALJIBE_POSTGRES_URL and ALJIBE_NATS_URL use your own servers instead."
    ),
    "up.examples": """
aljibe up                     everything below ./var
aljibe up --data /srv/aljibe  somewhere else
aljibe up --json              one document with every address when it is ready
""",
    "up.starting": "Starting Aljibe in {data}",
    "up.moved": "{wanted} is closed to the account that PostgreSQL runs as; using {data}",
    "up.servers_up": "✓ PostgreSQL and NATS after {seconds:.1f} s",
    "up.healthy": "✓ {name} is healthy after {seconds:.1f} s",
    "up.all_healthy": "✓ all {count} services are healthy",
    "up.port_taken": "port {wanted} is taken; {name} listens on {port}",
    "up.died": "! {name} ended with code {code}; starting it again",
    "up.server_died": "! {name} ended; starting it again",
    "up.start_failed": "! {error}",
    "up.draining": "draining: calls in flight are finished …",
    "up.interrupted": "interrupted; everything that had started is stopped",
    "up.stopped": "everything is stopped",
    "up.ready": "Aljibe is ready in {seconds} s",
    "up.docs": "Documentation",
    "up.metrics": "Metrics",
    "up.logs": "Logs",
    "up.try": "Try in another terminal",
    "up.token": "A token of channel {channel}, good for {ttl}",
    "up.stop": "Ctrl-C drains and stops everything.",
    # demo
    "demo.help": "Load a real grocer's catalogue and replay its baskets through every channel's own door.",
    "demo.examples": """
aljibe demo                       five minutes at most on two cores
aljibe demo --scale 0.2           a fifth of the baskets
aljibe demo --seed 7 --keep       another run, and the platform stays up afterwards
aljibe demo --json                the summary as one document
""",
    "demo.seed": "Same seed, same run.",
    "demo.scale": "How much is replayed; 1 is the usual share.",
    "demo.speed": "Simulated seconds per second; 0: as fast as the platform answers.",
    "demo.keep": "Leave the platform running afterwards, until Ctrl-C.",
    "demo.missing": "the demo needs the package {name}, which is not installed; `make setup` installs it",
    # token
    "token.help": (
        "Mint a bearer token with the development key of a data folder, for trying the doors by hand.\n\n"
        "Roles: channel, till, associate, operator, merchandiser, planner, auditor, service. Where a role need not name"
        " its channels or locations, none means all."
    ),
    "token.examples": """
aljibe token --role channel --channel web
aljibe token --role till --channel pos --location store-012 --ttl 12h
aljibe token --role associate --location wh-east
TOKEN=$(aljibe token --role operator)
""",
    "token.role": "What its holder is; may be repeated.",
    "token.channel": "A channel it speaks for, or '*'; may be repeated.",
    "token.location": "A location it speaks for, or '*'; may be repeated.",
    "token.subject": "Who holds it; appears in ledgers and logs.",
    "token.ttl": "How long it is good: at most 30d.",
    "token.unknown_role": "there is no role '{role}'; roles are {roles}",
    "token.name_channels": "role {role} needs its channels: --channel web, or --channel '*' for all",
    "token.name_locations": "role {role} needs its locations: --location store-012, or --location '*' for all",
    "token.ttl_too_long": "a token is good for at most {days} days",
    "token.no_key": "{data} holds no development key; `aljibe up` makes one at its first start (--data names another folder)",
    "token.none": "no token: set ALJIBE_TOKEN, or name the platform's data folder with --data ({data} holds no key)",
    "token.bad_key": "the development key cannot be used: {error}",
    # reaching the platform
    "platform.not_running": "no platform runs on {data}: start it with `aljibe up`, or set ALJIBE_{service}_ADDRESS or --url",
    "platform.unreadable": "platform.json in {data} cannot be read: {error}",
    "call.refused": "refused by {service}: {reason}: {message}",
    "call.unavailable": "{service} does not answer at {address}; is the platform running? (`aljibe up`)",
    "call.deadline_exceeded": "{service} at {address} did not answer in time",
}
