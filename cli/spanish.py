"""Las frases de `aljibe` en español. The keys are those of `english.py`; a test holds both complete."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # the command line itself
    "root.help": (
        "Un solo fondo de existencias para todos los canales: arranca la plataforma en esta máquina y cuida de ella.\n\n"
        "Códigos de salida: 0 hecho; 1 rechazado, o se halló una diferencia; 2 mal uso; 3 plataforma inalcanzable.\n\n"
        "Las órdenes hablan con la plataforma que corre sobre la carpeta de datos, o con ALJIBE_<SERVICIO>_ADDRESS o --url."
        " Se identifican con ALJIBE_TOKEN, o como operador con la clave de desarrollo de la carpeta de datos."
    ),
    "root.examples": """
aljibe up                               arranca todo; Ctrl-C lo detiene
aljibe demo                             repite las cestas de un supermercado real
aljibe order list --state in_progress   lo que está en camino
aljibe audit --json                     recalcula cada contador, para un programa
""",
    "help.examples": "Ejemplos",
    "help.arguments": "Argumentos",
    "help.options": "Opciones",
    "help.commands": "Órdenes",
    "option.json": "Imprime documentos JSON (ProtoJSON) para programas; los errores salen en JSON por la salida de error.",
    "option.lang": "Idioma de los textos: en o es. Si no, ALJIBE_LANG o LANG.",
    "option.data": "Carpeta de datos de la plataforma.",
    "option.url": "Dirección gRPC del servicio al que se pregunta, en vez de la plataforma en marcha.",
    "option.limit": "Como máximo, cuántos.",
    "option.bad_duration": "'{text}' no es una duración: escriba 90s, 30m, 8h o 7d",
    # up
    "up.help": (
        "Arranca PostgreSQL, NATS y todos los servicios, y los mantiene en marcha hasta Ctrl-C.\n\n"
        "Lo que muere vuelve a arrancar. ALJIBE_POSTGRES_URL y ALJIBE_NATS_URL usan en su lugar sus propios servidores."
    ),
    "up.examples": """
aljibe up                     todo bajo ./var
aljibe up --data /srv/aljibe  en otro sitio
aljibe up --json              un documento con todas las direcciones cuando está listo
""",
    "up.starting": "Arrancando Aljibe en {data}",
    "up.moved": "{wanted} está cerrada para la cuenta con la que corre PostgreSQL; se usa {data}",
    "up.servers_up": "✓ PostgreSQL y NATS a los {seconds:.1f} s",
    "up.healthy": "✓ {name} está sano a los {seconds:.1f} s",
    "up.all_healthy": "✓ los {count} servicios están sanos",
    "up.port_taken": "el puerto {wanted} está ocupado; {name} escucha en {port}",
    "up.died": "! {name} terminó con el código {code}; se arranca de nuevo (registro: {log})",
    "up.server_died": "! {name} terminó; se arranca de nuevo",
    "up.start_failed": "! {error}",
    "up.draining": "vaciando: se terminan las llamadas en curso …",
    "up.interrupted": "interrumpido; todo lo que había arrancado está detenido",
    "up.stopped": "todo está detenido",
    "up.ready": "Aljibe está listo en {seconds} s",
    "up.pages": "Páginas",
    "up.docs": "Documentación",
    "up.metrics": "Métricas",
    "up.logs": "Registros",
    "up.try": "Pruebe en otra terminal",
    "up.token": "Una credencial del canal {channel}, válida {ttl}",
    "up.stop": "Ctrl-C vacía y detiene todo.",
    # demo
    "demo.help": "Carga el catálogo de un supermercado real y repite sus cestas por la puerta de cada canal.",
    "demo.examples": """
aljibe demo                       cinco minutos como máximo con dos núcleos
aljibe demo --scale 0.2           una quinta parte de las cestas
aljibe demo --seed 7 --keep       otra repetición, y la plataforma sigue en marcha después
aljibe demo --json                el resumen como un documento
""",
    "demo.seed": "La misma semilla, la misma repetición.",
    "demo.scale": "Cuánto se repite; 1 es la parte habitual.",
    "demo.speed": "Segundos simulados por segundo; 0: tan rápido como responda la plataforma.",
    "demo.keep": "Deja la plataforma en marcha después, hasta Ctrl-C.",
    "demo.fresh": "Arranca una plataforma propia, aunque ya corra una.",
    "demo.url": "Repite contra la plataforma de esta dirección HTTP; necesita también --address y --key-file.",
    "demo.address": "Dirección gRPC de uno de sus servicios; se repite para cada uno.",
    "demo.key_file": "Clave privada con la que se firman sus credenciales.",
    "demo.bad_option": "{error}",
    "demo.missing": "la demostración necesita el paquete {name}, que no está instalado; lo instala `make setup`",
    # token
    "token.help": (
        "Emite una credencial con la clave de desarrollo de una carpeta de datos, para probar las puertas a mano.\n\n"
        "Roles: channel, till, associate, operator, merchandiser, planner, auditor, service. Donde un rol no tiene que"
        " nombrar sus canales o ubicaciones, ninguno significa todos."
    ),
    "token.examples": """
aljibe token --role channel --channel web
aljibe token --role till --channel pos --location store-012 --ttl 12h
aljibe token --role associate --location wh-east
TOKEN=$(aljibe token --role operator)
""",
    "token.role": "Qué es su portador; puede repetirse.",
    "token.channel": "Un canal por el que habla, o '*'; puede repetirse.",
    "token.location": "Una ubicación por la que habla, o '*'; puede repetirse.",
    "token.subject": "Quién la lleva; aparece en libros y registros.",
    "token.ttl": "Cuánto vale: como máximo 30d.",
    "token.unknown_role": "no existe el rol '{role}'; los roles son {roles}",
    "token.name_channels": "el rol {role} necesita sus canales: --channel web, o --channel '*' para todos",
    "token.name_locations": "el rol {role} necesita sus ubicaciones: --location store-012, o --location '*' para todas",
    "token.ttl_too_long": "una credencial vale como máximo {days} días",
    "token.no_key": "{data} no tiene clave de desarrollo; `aljibe up` la crea al arrancar por primera vez (--data nombra otra carpeta)",
    "token.none": "sin credencial: defina ALJIBE_TOKEN, o nombre la carpeta de datos con --data ({data} no tiene clave)",
    "token.bad_key": "la clave de desarrollo no sirve: {error}",
    # reaching the platform
    "platform.not_running": "ninguna plataforma corre sobre {data}: arránquela con `aljibe up`, o defina ALJIBE_{service}_ADDRESS o --url",
    "platform.unreadable": "no se puede leer platform.json en {data}: {error}",
    "call.refused": "{service} lo rechazó: {reason}: {message}",
    "call.unavailable": "{service} no responde en {address}; ¿está en marcha la plataforma? (`aljibe up`)",
    "call.deadline_exceeded": "{service} en {address} no respondió a tiempo",
    # words that head columns
    "word.accepted": "Aceptado",
    "word.actor": "Por",
    "word.cause": "Causa",
    "word.channel": "Canal",
    "word.document": "Documento",
    "word.location": "Ubicación",
    "word.locations": "Ubicaciones",
    "word.note": "Nota",
    "word.order": "Pedido",
    "word.rule": "Regla",
    "word.service": "Servicio",
    "word.sku": "Referencia",
    "word.state": "Estado",
    "word.time": "Momento",
    "word.total": "Total",
    "word.units": "Unidades",
    "list.more": "… y más; se muestran los primeros {shown} (--limit muestra otros)",
    # audit
    "audit.help": (
        "Recalcula cada contador a partir del libro de movimientos y de las reservas, y dice cada diferencia.\n\n"
        "Lee una sola imagen coherente y no cambia nada. Código de salida 1 cuando hay una diferencia."
    ),
    "audit.examples": """
aljibe audit
aljibe audit --limit 1000
aljibe audit --json | jq .differences
""",
    "audit.limit": "Cuántas diferencias mostrar.",
    "audit.read": "{movements} movimientos, {positions} posiciones y {lines} líneas de reserva vivas en {seconds} s",
    "audit.clean": "✓ cada contador coincide con aquello de lo que está hecho",
    "audit.differences": "✗ {count} diferencias",
    "audit.expected": "Según el libro",
    "audit.actual": "Contador",
    "rule.ON_HAND": "existencias ≠ Σ movimientos",
    "rule.RESERVED": "reservado ≠ Σ líneas vivas",
    "rule.RESERVED_ABOVE_ON_HAND": "reservado por encima de existencias",
    "rule.RESERVATION_LINE": "la línea de reserva no cuadra",
    "rule.RESERVATION_STATE": "el estado de la reserva contradice sus líneas",
    # stock
    "stock.help": "Mira dentro del fondo común de existencias.",
    "stock.examples": """
aljibe stock show 1029743
aljibe stock show 1029743 --location store-012 --movements
aljibe stock control 1029743 app --ring-fence 50
""",
    "stock.show.help": (
        "Muestra dónde está un artículo, cuánto de él está prometido y cuánto queda por prometer.\n\n"
        "disponible = max(0, existencias − reservado − seguridad), en cada ubicación."
    ),
    "stock.show.examples": """
aljibe stock show 1029743
aljibe stock show 1029743 --channel web          lo que la web puede prometer
aljibe stock show 1029743 -l store-012 -m -n 50  y sus últimos 50 movimientos allí
aljibe stock show 1029743 --json | jq .positions
""",
    "stock.sku": "El artículo.",
    "stock.location": "Solo en esta ubicación.",
    "stock.channel": "También lo que este canal puede prometer.",
    "stock.movements": "También el libro de movimientos, los más nuevos primero.",
    "stock.limit": "Cuántos movimientos.",
    "stock.none": "ninguna ubicación ha tenido nunca {sku}",
    "stock.available": "el canal {channel} puede prometer {units}",
    "stock.inbound": "pendiente de proveedores: {units}",
    "stock.next": "lo próximo: {units} el {time}",
    "stock.on_hand": "Existencias",
    "stock.reserved": "Reservado",
    "stock.safety": "Seguridad",
    "stock.available_units": "Disponible",
    "stock.on_hand_after": "Existencias después",
    "stock.dates.help": (
        "Muestra para cuándo se podría entregar y recoger un artículo.\n\n"
        "Como se lo dice al cliente la página del artículo, y como lo dirá el pedido: con cada promesa que "
        "ofrecen las reglas, para envíos a un punto, y en tiendas."
    ),
    "stock.dates.examples": """
aljibe stock dates 1029743 --to 40.42,-3.70                   para cuándo llega un paquete, con cada promesa
aljibe stock dates 1029743 --store store-012 --store store-007  cuándo se puede recoger
aljibe stock dates 1029743 --units 6 --to 40.42,-3.70 --json | jq '.deliveries'
""",
    "stock.dates.channel": "El canal que vende.",
    "stock.dates.to": "Adónde iría un paquete: latitud y longitud.",
    "stock.dates.store": "Una tienda donde se podría recoger; varias veces para varias.",
    "stock.dates.units": "Cuántas unidades.",
    "stock.dates.to_wrong": "{found} no es un punto: escriba latitud y longitud, por ejemplo 40.42,-3.70",
    "stock.dates.way": "Cómo",
    "stock.dates.by": "Para cuándo",
    "stock.dates.never": "no es posible",
    "stock.dates.waits": "{time}, de lo que aún ha de llegar",
    "stock.dates.collect": "recogida en {location}",
    "stock.price.help": (
        "Muestra cuánto vale una unidad de un artículo en cada ubicación.\n\n"
        "Un pedido en línea que se lleva las últimas unidades de una tienda puede costarle un cliente propio: el margen por "
        "la probabilidad de que sus clientes las pidan todas. El reparto lo sopesa con los paquetes y las distancias."
    ),
    "stock.price.examples": """
aljibe stock price 1029743
aljibe stock price 1029743 --location store-012
aljibe stock price 1029743 --json | jq '.prices[] | select(.priceThousandths > 0)'
""",
    "stock.price.none": "{sku} aún no tiene precios: nadie lo ha pedido, o nadie lo vende",
    "stock.price.made": "calculado {time}; se supone que cada ubicación vive {days} días de lo que tiene",
    "stock.price.price": "Precio de la última",
    "stock.price.own": "Clientes propios",
    "stock.price.rate": "Se piden al día",
    "stock.price.margin": "Margen",
    "stock.control.help": (
        "Fija o quita lo que se puede prometer a un canal del fondo común de un artículo.\n\n"
        "Margen: unidades que no puede tocar. Cupo exclusivo: unidades que solo él puede tocar. "
        "Tope: lo máximo que puede tener."
    ),
    "stock.control.examples": """
aljibe stock control 1029743 app --ring-fence 50 --until 2026-12-24T18:00
aljibe stock control 1029743 marketplace --cap 20% --buffer 5
aljibe stock control 1029743 app --remove
""",
    "stock.controls.help": "Lista los controles de los canales y lo que cada canal ha tenido bajo ellos.",
    "stock.controls.examples": """
aljibe stock controls --sku 1029743
aljibe stock controls --channel app --json | jq '.controls[].control.sku'
""",
    "control.channel": "El canal.",
    "control.buffer": "Unidades del fondo común que no puede tocar, o un porcentaje.",
    "control.ring_fence": "Unidades que solo él puede tocar, o un porcentaje.",
    "control.cap": "Lo máximo que puede tener, o un porcentaje.",
    "control.priority": "Qué cupo exclusivo se llena primero: el más alto.",
    "control.from": "Cuándo empieza (ISO 8601).",
    "control.until": "Cuándo termina.",
    "control.release": "Cuándo lo que queda del cupo exclusivo vuelve a ser de todos.",
    "control.only": "Más allá de su cupo exclusivo el canal no recibe nada.",
    "control.remove": "Quita el control.",
    "control.choose": "indique una cantidad (--buffer, --ring-fence, --cap), o --remove y nada más",
    "control.bad_amount": "{text} no es ni un número de unidades ni un porcentaje como 20%",
    "control.bad_time": "{text} no es una hora como 2026-12-24T18:00",
    "control.removed": "el canal {channel} ya no tiene ningún control sobre {sku}",
    "control.of_sku": "Solo de este artículo.",
    "control.of_channel": "Solo de este canal.",
    "control.limit": "Cuántos como mucho.",
    "control.none": "ningún canal tiene un control",
    "control.sku": "SKU",
    "control.of": "Canal",
    "control.word.buffer": "Margen",
    "control.word.ring_fence": "Cupo exclusivo",
    "control.word.cap": "Tope",
    "control.word.used": "Usado",
    "control.word.rank": "Prioridad",
    "control.word.validity": "Vigencia",
    "control.word.released": "Liberado",
    "control.only_mark": " solo",
    "stock.limit.help": "Fija o quita cuántas unidades de un artículo escaso puede tener cada cliente.",
    "stock.limit.examples": """
aljibe stock limit 1029743 2 --days 30           dos en 30 días cualesquiera
aljibe stock limit 1029743 1 --until 2026-12-24T18:00
aljibe stock limit 1029743 --remove
""",
    "stock.limits.help": "Lista los límites por cliente.",
    "stock.limits.examples": """
aljibe stock limits
aljibe stock limits --json | jq '.limits[].sku'
""",
    "limit.units": "Lo máximo que puede tener cada cliente.",
    "limit.days": "Solo cuenta lo prometido en los últimos días indicados.",
    "limit.named_only": "Quien no da su identificador de cliente no recibe nada.",
    "limit.remove": "Quita el límite.",
    "limit.choose": "indique las unidades que puede tener cada cliente, o --remove",
    "limit.removed": "ya no hay límite de {sku}",
    "limit.none": "ningún artículo está limitado",
    "limit.each": "Cada cliente",
    "limit.window": "Ventana",
    "limit.in_days": "{days} d",
    "stock.backorder.help": "Permite vender un artículo antes de que llegue, o deja de permitirlo.",
    "stock.backorder.examples": """
aljibe stock backorder 1029743 --allow --days 30         sobre lo que llegue en 30 días
aljibe stock backorder 1029743 --release 2026-12-01 --share 80
aljibe stock backorder 1029743 --channel web --remove
""",
    "stock.backorders.help": "Lista lo que se vende antes de que llegue; de un artículo, también quién lo espera.",
    "stock.backorders.examples": """
aljibe stock backorders
aljibe stock backorders 1029743
""",
    "backorder.channel": "El canal; sin él, todos los que no tienen condiciones propias.",
    "backorder.allow": "Siempre que se agoten las existencias.",
    "backorder.release": "Como preventa hasta entonces; a nadie se le promete antes.",
    "backorder.days": "Con cuántos días de antelación puede preverse un suministro; 0: un año.",
    "backorder.share": "Qué porcentaje de lo que un suministro aún traerá puede prometerse.",
    "backorder.unasked": "También para líneas que no dicen que aceptan una entrega posterior.",
    "backorder.remove": "Deja de permitirlo.",
    "backorder.choose": "elija una de --allow, --release y --remove",
    "backorder.removed": "{sku} ya no se vende antes de que llegue ({channel})",
    "backorder.none": "nada se vende antes de que llegue",
    "backorder.of": "Solo este artículo, y quién lo espera.",
    "backorder.limit": "Cuántos.",
    "backorder.mode": "Cómo",
    "backorder.ahead": "Antelación",
    "backorder.part": "Parte",
    "backorder.asked": "Cliente",
    "backorder.every": "todos los canales",
    "backorder.preorder": "preventa hasta el {until}",
    "backorder.open": "con espera",
    "backorder.not_asked": "no tiene que aceptarlo",
    "backorder.is_asked": "tiene que aceptarlo",
    "backorder.supply": "Suministro",
    "backorder.expected": "Previsto",
    "backorder.order": "Pedido",
    "backorder.since": "Desde",
    "cause.OPENING": "existencias iniciales",
    "cause.RECEIPT": "recepción",
    "cause.SALE": "venta en caja",
    "cause.SHIPMENT": "envío",
    "cause.HAND_OVER": "entrega",
    "cause.RETURN": "devolución",
    "cause.COUNT": "recuento",
    "cause.ADJUSTMENT": "ajuste",
    "cause.DAMAGE": "daño",
    "cause.SHORT_PICK": "faltante al recoger",
    "cause.TRANSFER_OUT": "salida por traslado",
    "cause.TRANSFER_IN": "entrada por traslado",
    # dlq
    "dlq.help": (
        "Mensajes muertos: los que ningún receptor pudo tratar. No se pierde ninguno: cada uno espera con su error a que"
        " se reintente o se descarte."
    ),
    "dlq.examples": """
aljibe dlq list
aljibe dlq redrive fulfillment dlt_01jd…
aljibe dlq discard fulfillment dlt_01jd… --note 'el pedido se canceló a mano'
""",
    "dlq.list.help": "Lista los mensajes muertos de todos los servicios, o de uno, los más nuevos primero.",
    "dlq.list.examples": """
aljibe dlq list
aljibe dlq list --service orders --details   con la pila de cada error
aljibe dlq list --state any --json | jq -r '.services[].deadLetters[].error'
""",
    "dlq.redrive.help": "Entrega un mensaje muerto otra vez a su receptor, una vez remediada la causa.",
    "dlq.redrive.examples": """
aljibe dlq redrive fulfillment dlt_01jd…
""",
    "dlq.discard.help": "Cierra un mensaje muerto sin tratarlo: su efecto no ocurre nunca. El motivo se guarda.",
    "dlq.discard.examples": """
aljibe dlq discard orders dlt_01jd… --note 'lo mandó una prueba'
""",
    "dlq.id": "El mensaje muerto, dlt_….",
    "dlq.state": "Solo los que están en este estado.",
    "dlq.consumer": "Solo los de este receptor.",
    "dlq.details": "Con la pila del error de cada uno.",
    "dlq.note": "Por qué, para quien lo lea después.",
    "dlq.none": "✓ ningún mensaje muerto",
    "dlq.redriven": "✓ {service} ha tratado {id} ({type})",
    "dlq.discarded": "✓ {id} ({type}) queda descartado",
    "dlq.unknown_state": "no existe el estado '{state}'; los estados son {states}",
    "dlq.dead_at": "Abandonado",
    "dlq.event": "Hecho",
    "dlq.about": "Sobre",
    "dlq.by": "Receptor",
    "dlq.attempts": "Intentos",
    "dlq.error": "Error",
    "letter.OPEN": "abierto",
    "letter.REDRIVEN": "reintentado",
    "letter.DISCARDED": "descartado",
    # outbox
    "outbox.help": "Los hechos que un servicio ha registrado, publicados o no; se guardan 30 días.",
    "outbox.examples": """
aljibe outbox replay orders --since 2h
""",
    "outbox.replay.help": "Publica otra vez hechos de un servicio. Es inofensivo: los receptores descartan lo ya tratado.",
    "outbox.replay.examples": """
aljibe outbox replay orders --aggregate order/ord_01jd…
aljibe outbox replay orders --since 2h
aljibe outbox replay inventory --since 2026-11-01T00:00+01:00
aljibe outbox replay catalog --all
""",
    "outbox.aggregate": "Solo los hechos de este agregado, como order/ord_….",
    "outbox.since": "Solo los hechos registrados desde entonces: una duración (2h) o un momento (ISO 8601).",
    "outbox.all": "Todos los hechos guardados.",
    "outbox.choose": "diga qué hechos: uno de --aggregate, --since, --all",
    "outbox.bad_aggregate": "'{text}' no es un agregado: escriba tipo/id, como order/ord_…",
    "outbox.bad_time": "'{text}' no es un momento: escriba 2h, o 2026-11-01T09:00+01:00",
    "outbox.replayed": "✓ se publicarán otra vez {count} hechos de {service}",
    # bus
    "bus.help": "Muestra cuánto se retrasa cada servicio: hechos por publicar, mensajes por tratar, mensajes muertos.",
    "bus.examples": """
aljibe bus
aljibe bus --service orders
aljibe bus --json | jq '.services[] | {{service, unpublishedEvents}}'
""",
    "bus.service": "De quién: catalog, inventory, orders o fulfillment.",
    "bus.only_service": "Solo este: catalog, inventory, orders o fulfillment.",
    "bus.unknown_service": "no existe el servicio '{service}' con mensajes; los servicios son {services}",
    "bus.broker": "Mensajería",
    "bus.connected": "conectada",
    "bus.away": "ausente",
    "bus.unpublished": "Por publicar",
    "bus.oldest": "El más viejo",
    "bus.waiting": "En espera",
    "bus.dead": "Muertos",
    "bus.losses": "Pérdidas vistas",
    "bus.consumers": "Receptores",
    "bus.consumer": "{consumer}: {pending} por llegar, {unsettled} en curso",
    # simulate
    "simulate.help": (
        "Vuelve a jugar los pedidos del pasado con otras reglas de asignación, y compara.\n\n"
        "El motor que decide en producción decide cada pedido a su hora, con existencias que evolucionan con entradas, ventas en tienda y"
        " los pedidos anteriores. Los días se leen de la plataforma; las semanas (1 a 53), del año de un supermercado real, que no necesita plataforma.\n\n"
        "VERSION es active (en vigor), draft (el borrador más reciente), draft:7 o 7 (número de versión), built-in (de fábrica) o la ruta de un"
        " documento (JSON). Con la primera se comparan las demás; una sola se compara con las reglas en vigor."
    ),
    "simulate.examples": """
aljibe simulate --rules draft --from 2026-10-01 --to 2026-10-31     el último borrador frente a las reglas en vigor
aljibe simulate --rules active --rules mias.json --from 2026-10-01 --to 2026-10-31 --report informe.html
aljibe simulate --from 20 --to 27                                   con y sin precio de las existencias, en semanas de un supermercado
""",
    "simulate.from": "Primer día (UTC), o semana de los datos.",
    "simulate.to": "Último día, incluido, o semana.",
    "simulate.rules": "Una versión; repite la opción por cada una.",
    "simulate.without_prices": "Juega también cada versión sin precio de las existencias.",
    "simulate.report": "Escribe el informe también aquí; queda en reports/ de la carpeta de datos.",
    "simulate.horizon": "Cuántos días miran adelante los precios de las existencias; 0: hasta el final del periodo, como si no se repusiera nada. Si no, 14; con los datos, 0.",
    "simulate.history": "Semanas anteriores al periodo de las que se aprende la demanda.",
    "simulate.changes": "Pedidos cambiados por versión que el informe cuenta en detalle.",
    "simulate.seed": "De los datos: qué cestas son pedidos en línea, dónde están las tiendas, las existencias iniciales.",
    "simulate.reading": "Leyendo los datos",
    "simulate.orders": "Leyendo pedidos",
    "simulate.movements": "Leyendo existencias y su libro",
    "simulate.playing": "Jugando",
    "simulate.priceless": "{name}, sin precios",
    "simulate.written": "El informe está en {file}.",
    "simulate.versions": "no se pueden comparar {count} versiones; nombra de 2 a {most}, o reglas cuyo precio de las existencias se pueda quitar",
    "simulate.twice": "una versión está nombrada dos veces",
    "simulate.no_rules": "no hay reglas '{name}': nombra active, draft, draft:7, 7, built-in o un archivo ({error})",
    "simulate.bad_rules": "las reglas {name} no son válidas: {problems}",
    "simulate.no_draft": "no hay ningún borrador",
    "simulate.bad_time": "'{text}' no es un día: escribe 2026-10-31, o una semana de 1 a 53 en ambos sitios",
    "simulate.bad_period": "del {begin} al {end} no hay tiempo",
    "simulate.bad_past": "este pasado no se puede jugar: {error}",
    "simulate.no_orders": "no hay ningún pedido para enviar o recoger en ese tiempo",
    "simulate.too_much": "más de {count} son demasiados para jugarlos: elige un tiempo más corto",
    "simulate.no_folder": "no existe la carpeta {folder}",
    "simulate.not_written": "no se puede escribir {file}: {error}",
    # sourcing-agent
    "sourcing-agent.help": (
        "Decide pedidos para la simulación de otros: entra un objeto JSON por línea, sale una línea.\n\n"
        "Las líneas son setup, sale, order, tick y end; las describe docs/sourcing.md."
    ),
    "sourcing-agent.examples": """
aljibe sourcing-agent < events.jsonl   responde a una ejecución grabada
""",
    "sourcing-agent.bad_line": "no se puede responder a la línea {number}: {error}",
}
