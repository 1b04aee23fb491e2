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
    "up.died": "! {name} terminó con el código {code}; se arranca de nuevo",
    "up.server_died": "! {name} terminó; se arranca de nuevo",
    "up.start_failed": "! {error}",
    "up.draining": "vaciando: se terminan las llamadas en curso …",
    "up.interrupted": "interrumpido; todo lo que había arrancado está detenido",
    "up.stopped": "todo está detenido",
    "up.ready": "Aljibe está listo en {seconds} s",
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
}
