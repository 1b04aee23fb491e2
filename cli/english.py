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
    "up.died": "! {name} ended with code {code}; starting it again (log: {log})",
    "up.server_died": "! {name} ended; starting it again",
    "up.start_failed": "! {error}",
    "up.draining": "draining: calls in flight are finished …",
    "up.interrupted": "interrupted; everything that had started is stopped",
    "up.stopped": "everything is stopped",
    "up.ready": "Aljibe is ready in {seconds} s",
    "up.pages": "Pages",
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
    "demo.fresh": "Start a platform of its own, even when one runs already.",
    "demo.url": "Replay against the platform at this HTTP address; needs --address and --key-file too.",
    "demo.address": "gRPC address of one of its services; repeated for each.",
    "demo.key_file": "Private key that its tokens are signed with.",
    "demo.bad_option": "{error}",
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
    # words that head columns
    "word.accepted": "Accepted",
    "word.actor": "By",
    "word.cause": "Cause",
    "word.channel": "Channel",
    "word.document": "Document",
    "word.location": "Location",
    "word.locations": "Locations",
    "word.note": "Note",
    "word.order": "Order",
    "word.rule": "Rule",
    "word.service": "Service",
    "word.sku": "SKU",
    "word.state": "State",
    "word.time": "Time",
    "word.total": "Total",
    "word.units": "Units",
    "list.more": "… and more; the first {shown} are shown (--limit shows others)",
    # audit
    "audit.help": (
        "Rebuild every counter from the ledger and the reservations, and tell each difference.\n\n"
        "Reads one consistent snapshot and changes nothing. Exit code 1 when there is a difference."
    ),
    "audit.examples": """
aljibe audit
aljibe audit --limit 1000
aljibe audit --json | jq .differences
""",
    "audit.limit": "How many differences to list.",
    "audit.read": "{movements} movements, {positions} positions and {lines} live reservation lines in {seconds} s",
    "audit.clean": "✓ every counter agrees with what it is made from",
    "audit.differences": "✗ {count} differences",
    "audit.expected": "By the book",
    "audit.actual": "Counter",
    "rule.ON_HAND": "on hand ≠ Σ movements",
    "rule.RESERVED": "reserved ≠ Σ live lines",
    "rule.RESERVED_ABOVE_ON_HAND": "reserved above on hand",
    "rule.RESERVATION_LINE": "reservation line does not add up",
    "rule.RESERVATION_STATE": "reservation state contradicts its lines",
    # stock
    "stock.help": "Look into the stock pool.",
    "stock.examples": """
aljibe stock show 1029743
aljibe stock show 1029743 --location store-012 --movements
aljibe stock control 1029743 app --ring-fence 50
""",
    "stock.show.help": (
        "Show where an article lies, how much of it is promised, and what is left to promise.\n\n"
        "available = max(0, on hand − reserved − safety), for each location."
    ),
    "stock.show.examples": """
aljibe stock show 1029743
aljibe stock show 1029743 --channel web          what the web may promise
aljibe stock show 1029743 -l store-012 -m -n 50  and its last 50 movements there
aljibe stock show 1029743 --json | jq .positions
""",
    "stock.sku": "The article.",
    "stock.location": "Only at this location.",
    "stock.channel": "Also what this channel may promise.",
    "stock.movements": "Also the ledger, newest first.",
    "stock.limit": "How many movements.",
    "stock.none": "no location has ever held {sku}",
    "stock.available": "channel {channel} may promise {units}",
    "stock.inbound": "still to come from suppliers: {units}",
    "stock.next": "next: {units} on {time}",
    "stock.on_hand": "On hand",
    "stock.reserved": "Reserved",
    "stock.safety": "Safety",
    "stock.available_units": "Available",
    "stock.on_hand_after": "On hand after",
    "stock.dates.help": (
        "Show by when an article could be delivered and collected.\n\n"
        "As the page of the article tells a customer, and as the order will: under each promise that the rules "
        "offer, for parcels to a point, and at stores."
    ),
    "stock.dates.examples": """
aljibe stock dates 1029743 --to 40.42,-3.70                   by when a parcel is there, under each promise
aljibe stock dates 1029743 --store store-012 --store store-007  when it can be collected
aljibe stock dates 1029743 --units 6 --to 40.42,-3.70 --json | jq '.deliveries'
""",
    "stock.dates.channel": "The channel that sells.",
    "stock.dates.to": "Where a parcel would go: latitude and longitude.",
    "stock.dates.store": "A store at which it could be collected; several times for several.",
    "stock.dates.units": "How many units.",
    "stock.dates.to_wrong": "{found} is no point: write latitude and longitude, such as 40.42,-3.70",
    "stock.dates.way": "How",
    "stock.dates.by": "By when",
    "stock.dates.never": "not possible",
    "stock.dates.waits": "{time}, from what is still to come",
    "stock.dates.collect": "collected at {location}",
    "stock.price.help": (
        "Show what a unit of an article is worth at each location.\n\n"
        "An online order that takes a store's last units may cost the store a customer of its own: margin times the "
        "chance that its customers ask for all of them. Sourcing weighs that against parcels and ways."
    ),
    "stock.price.examples": """
aljibe stock price 1029743
aljibe stock price 1029743 --location store-012
aljibe stock price 1029743 --json | jq '.prices[] | select(.priceThousandths > 0)'
""",
    "stock.price.none": "{sku} has no prices yet: nobody asked for it, or nobody sells it",
    "stock.price.made": "worked out {time}; each location is taken to live on what it has for {days} days",
    "stock.price.price": "Price of the last",
    "stock.price.own": "Own customers",
    "stock.price.rate": "Asked for a day",
    "stock.price.margin": "Margin",
    "stock.control.help": (
        "Set or remove what of an article's pool a channel may be promised.\n\n"
        "Buffer: units it may not touch. Ring-fence: units that only it may touch. Cap: the most it may have."
    ),
    "stock.control.examples": """
aljibe stock control 1029743 app --ring-fence 50 --until 2026-12-24T18:00
aljibe stock control 1029743 marketplace --cap 20% --buffer 5
aljibe stock control 1029743 app --remove
""",
    "stock.controls.help": "List the controls of channels, and what each channel has had under them.",
    "stock.controls.examples": """
aljibe stock controls --sku 1029743
aljibe stock controls --channel app --json | jq '.controls[].control.sku'
""",
    "control.channel": "The channel.",
    "control.buffer": "Units of the common pool that it may not touch, or a percentage.",
    "control.ring_fence": "Units that only it may touch, or a percentage.",
    "control.cap": "The most it may have, or a percentage.",
    "control.priority": "Whose ring-fence is filled first: the highest.",
    "control.from": "When it begins (ISO 8601).",
    "control.until": "When it ends.",
    "control.release": "When what is left of the ring-fence is everybody's again.",
    "control.only": "Beyond its ring-fence the channel gets nothing.",
    "control.remove": "Remove the control.",
    "control.choose": "name an amount (--buffer, --ring-fence, --cap), or --remove and nothing else",
    "control.bad_amount": "{text} is neither a number of units nor a percentage such as 20%",
    "control.bad_time": "{text} is not a time such as 2026-12-24T18:00",
    "control.removed": "channel {channel} has no control of {sku} any more",
    "control.of_sku": "Only of this article.",
    "control.of_channel": "Only of this channel.",
    "control.limit": "How many at most.",
    "control.none": "no channel has a control",
    "control.sku": "SKU",
    "control.of": "Channel",
    "control.word.buffer": "Buffer",
    "control.word.ring_fence": "Ring-fence",
    "control.word.cap": "Cap",
    "control.word.used": "Used",
    "control.word.rank": "Priority",
    "control.word.validity": "Valid",
    "control.word.released": "Released",
    "control.only_mark": " only",
    "stock.limit.help": "Set or remove how many units of a scarce article each customer may have.",
    "stock.limit.examples": """
aljibe stock limit 1029743 2 --days 30           two in any 30 days
aljibe stock limit 1029743 1 --until 2026-12-24T18:00
aljibe stock limit 1029743 --remove
""",
    "stock.limits.help": "List the limits per customer.",
    "stock.limits.examples": """
aljibe stock limits
aljibe stock limits --json | jq '.limits[].sku'
""",
    "limit.units": "The most each customer may have.",
    "limit.days": "Only what was promised in the last so many days counts.",
    "limit.named_only": "Who gives no customer id gets nothing.",
    "limit.remove": "Remove the limit.",
    "limit.choose": "name the units that each customer may have, or --remove",
    "limit.removed": "there is no limit of {sku} any more",
    "limit.none": "no article is limited",
    "limit.each": "Each customer",
    "limit.window": "Window",
    "limit.in_days": "{days} d",
    "stock.backorder.help": "Allow that an article is sold before it is there, or end it.",
    "stock.backorder.examples": """
aljibe stock backorder 1029743 --allow --days 30         on what comes within 30 days
aljibe stock backorder 1029743 --release 2026-12-01 --share 80
aljibe stock backorder 1029743 --channel web --remove
""",
    "stock.backorders.help": "List what is sold before it is there; of one article also who waits for it.",
    "stock.backorders.examples": """
aljibe stock backorders
aljibe stock backorders 1029743
""",
    "backorder.channel": "The channel; without it every channel that has no terms of its own.",
    "backorder.allow": "Whenever stock has run out.",
    "backorder.release": "As a pre-order until then; nobody is promised it sooner.",
    "backorder.days": "How many days ahead a supply may be expected; 0: a year.",
    "backorder.share": "How much in percent of what a supply still brings may be promised.",
    "backorder.unasked": "Also for lines that do not say that they accept later delivery.",
    "backorder.remove": "End it.",
    "backorder.choose": "choose one of --allow, --release and --remove",
    "backorder.removed": "{sku} is not sold before it is there any more ({channel})",
    "backorder.none": "nothing is sold before it is there",
    "backorder.of": "Only this article, and who waits for it.",
    "backorder.limit": "How many.",
    "backorder.mode": "How",
    "backorder.ahead": "Ahead",
    "backorder.part": "Share",
    "backorder.asked": "Customer",
    "backorder.every": "every channel",
    "backorder.preorder": "pre-order until {until}",
    "backorder.open": "backorder",
    "backorder.not_asked": "need not accept it",
    "backorder.is_asked": "has to accept it",
    "backorder.supply": "Supply",
    "backorder.expected": "Expected",
    "backorder.order": "Order",
    "backorder.since": "Since",
    "cause.OPENING": "opening stock",
    "cause.RECEIPT": "receipt",
    "cause.SALE": "till sale",
    "cause.SHIPMENT": "shipment",
    "cause.HAND_OVER": "hand-over",
    "cause.RETURN": "return",
    "cause.COUNT": "count",
    "cause.ADJUSTMENT": "adjustment",
    "cause.DAMAGE": "damage",
    "cause.SHORT_PICK": "short pick",
    "cause.TRANSFER_OUT": "transfer out",
    "cause.TRANSFER_IN": "transfer in",
    # dlq
    "dlq.help": (
        "Dead letters: messages that no handler could take. None is lost: each waits with its error to be redriven or"
        " discarded."
    ),
    "dlq.examples": """
aljibe dlq list
aljibe dlq redrive fulfillment dlt_01jd…
aljibe dlq discard fulfillment dlt_01jd… --note 'order was cancelled by hand'
""",
    "dlq.list.help": "List dead letters of every service, or of one, newest first.",
    "dlq.list.examples": """
aljibe dlq list
aljibe dlq list --service orders --details   with tracebacks
aljibe dlq list --state any --json | jq -r '.services[].deadLetters[].error'
""",
    "dlq.redrive.help": "Hand a dead letter to its handler again, after its cause was mended.",
    "dlq.redrive.examples": """
aljibe dlq redrive fulfillment dlt_01jd…
""",
    "dlq.discard.help": "Settle a dead letter without handling it: its effect never happens. The reason is kept.",
    "dlq.discard.examples": """
aljibe dlq discard orders dlt_01jd… --note 'sent by a test'
""",
    "dlq.id": "The dead letter, dlt_….",
    "dlq.state": "Only those in this state.",
    "dlq.consumer": "Only those of this consumer.",
    "dlq.details": "With the traceback of each.",
    "dlq.note": "Why, for whoever reads it later.",
    "dlq.none": "✓ no dead letters",
    "dlq.redriven": "✓ {id} ({type}) was handled by {service}",
    "dlq.discarded": "✓ {id} ({type}) is discarded",
    "dlq.unknown_state": "there is no state '{state}'; states are {states}",
    "dlq.dead_at": "Given up",
    "dlq.event": "Event",
    "dlq.about": "About",
    "dlq.by": "Consumer",
    "dlq.attempts": "Tries",
    "dlq.error": "Error",
    "letter.OPEN": "open",
    "letter.REDRIVEN": "redriven",
    "letter.DISCARDED": "discarded",
    # outbox
    "outbox.help": "Events that a service has recorded, published or not; kept for 30 days.",
    "outbox.examples": """
aljibe outbox replay orders --since 2h
""",
    "outbox.replay.help": "Publish events of a service again. Harmless: consumers drop what they have handled.",
    "outbox.replay.examples": """
aljibe outbox replay orders --aggregate order/ord_01jd…
aljibe outbox replay orders --since 2h
aljibe outbox replay inventory --since 2026-11-01T00:00+01:00
aljibe outbox replay catalog --all
""",
    "outbox.aggregate": "Only the events of this aggregate, such as order/ord_….",
    "outbox.since": "Only events recorded since then: a span (2h) or a moment (ISO 8601).",
    "outbox.all": "Every event that is kept.",
    "outbox.choose": "say which events: one of --aggregate, --since, --all",
    "outbox.bad_aggregate": "'{text}' is no aggregate: write type/id, such as order/ord_…",
    "outbox.bad_time": "'{text}' is no moment: write 2h, or 2026-11-01T09:00+01:00",
    "outbox.replayed": "✓ {count} events of {service} will be published again",
    # bus
    "bus.help": "Show how far each service is behind: events to publish, messages to handle, dead letters.",
    "bus.examples": """
aljibe bus
aljibe bus --service orders
aljibe bus --json | jq '.services[] | {{service, unpublishedEvents}}'
""",
    "bus.service": "Whose: catalog, inventory, orders or fulfillment.",
    "bus.only_service": "Only this one: catalog, inventory, orders or fulfillment.",
    "bus.unknown_service": "there is no service '{service}' with messages; services are {services}",
    "bus.broker": "Broker",
    "bus.connected": "connected",
    "bus.away": "away",
    "bus.unpublished": "To publish",
    "bus.oldest": "Oldest",
    "bus.waiting": "Waiting",
    "bus.dead": "Dead letters",
    "bus.losses": "Losses seen",
    "bus.consumers": "Consumers",
    "bus.consumer": "{consumer}: {pending} to come, {unsettled} in hand",
    # simulate
    "simulate.help": (
        "Play the orders of the past again under other rules of sourcing, and compare.\n\n"
        "The engine that decides in production decides each order at its own time, on stock that evolves with receipts, walk-in sales and"
        " the orders before. Days are read from the platform; weeks (1 to 53) from a real grocer's year, which needs no platform.\n\n"
        "VERSION is active, draft (the newest), draft:7 or 7 (a version's number), built-in, or the path of a document (JSON). The first one"
        " named is what the others are compared with; a single one is compared with the active rules."
    ),
    "simulate.examples": """
aljibe simulate --rules draft --from 2026-10-01 --to 2026-10-31     the newest draft against the active rules
aljibe simulate --rules active --rules mine.json --from 2026-10-01 --to 2026-10-31 --report report.html
aljibe simulate --from 20 --to 27                                   prices of stock on and off, on a grocer's weeks
""",
    "simulate.from": "First day (UTC), or week of the data set.",
    "simulate.to": "Last day, included, or week.",
    "simulate.rules": "A version to play; give the option once per version.",
    "simulate.without_prices": "Also play every version without prices of stock.",
    "simulate.report": "Also write the report here; it is kept in reports/ of the data folder.",
    "simulate.horizon": "How many days ahead prices of stock look; 0: to the end of the period, as when nothing is delivered. Else 14, of the data set 0.",
    "simulate.history": "Weeks before the period that demand is learned from.",
    "simulate.changes": "Changed orders per version that the report tells in detail.",
    "simulate.seed": "Of the data set: which baskets are online orders, where stores stand, the opening stock.",
    "simulate.reading": "Reading the data set",
    "simulate.orders": "Reading orders",
    "simulate.movements": "Reading stock and its ledger",
    "simulate.playing": "Playing",
    "simulate.priceless": "{name}, no prices",
    "simulate.written": "The report is in {file}.",
    "simulate.versions": "{count} versions cannot be compared; name 2 to {most}, or rules whose price of stock can be switched off",
    "simulate.twice": "a version is named twice",
    "simulate.no_rules": "there are no rules '{name}': name active, draft, draft:7, 7, built-in or a file ({error})",
    "simulate.bad_rules": "the rules {name} are not valid: {problems}",
    "simulate.no_draft": "there is no draft",
    "simulate.bad_time": "'{text}' is no day: write 2026-10-31, or a week from 1 to 53 in both places",
    "simulate.bad_period": "from {begin} to {end} is no time",
    "simulate.bad_past": "this past cannot be played: {error}",
    "simulate.no_orders": "there is no order to be sent or collected in that time",
    "simulate.too_much": "more than {count} are too many to be played: choose a shorter time",
    "simulate.no_folder": "there is no folder {folder}",
    "simulate.not_written": "{file} cannot be written: {error}",
    # sourcing-agent
    "sourcing-agent.help": (
        "Decide orders for somebody else's simulation: one JSON object a line in, one line back.\n\n"
        "The lines are setup, sale, order, tick and end; docs/sourcing.md describes them."
    ),
    "sourcing-agent.examples": """
aljibe sourcing-agent < events.jsonl   answer a recorded run
""",
    "sourcing-agent.bad_line": "line {number} cannot be answered: {error}",
}
