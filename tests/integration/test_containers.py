"""The images run as a cluster would run them: one order from the HTTP door to the work list of a warehouse,
its trace in the store of traces, and its page.

Needs a Docker engine and, as ALJIBE_BASE_IMAGE, an image with Python >= 3.11, venv and pip. PostgreSQL and
NATS come from an image of our own, since no image registry need be in reach.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import docker
import httpx
import pytest
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from aljibe.orders.v1 import orders_pb2
from aljibe.telemetry.v1 import traces_pb2, traces_pb2_grpc
from chassis.auth import development_keys
from cli.local.platform import CONSOLE, GATEWAY, OPERATIONS, SERVICES, TELEMETRY, Addresses, Platform
from tests.integration.world import eventually, retailer

ROOT = Path(__file__).resolve().parents[2]
BASE_IMAGE = os.environ.get("ALJIBE_BASE_IMAGE", "aljibe-base:bookworm")
TAG = "container-test"
USER = 65532
GRPC_PORT, HTTP_PORT, OTLP_PORT = 50051, 8080, 4317
ALL = (*OPERATIONS, *SERVICES)
DOORS = (GATEWAY, CONSOLE)
BUILD_AND_RUN_SECONDS = 900
START_SECONDS = 60.0
DRAIN_SECONDS = 30.0

# The helper that removes forgotten containers comes from a registry; the fixture removes its own.
testcontainers_config.ryuk_disabled = True


@dataclass(frozen=True)
class Containers:
    """The platform in containers; as far as `World` needs to know it, it is like the local one."""

    addresses: Addresses
    development_key_file: Path
    running: dict[str, DockerContainer]


def engine() -> Any:
    """The Docker engine; skips the test with the reason when there is none, or no base image."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        pytest.skip(f"no Docker engine answers: {error}")
    try:
        client.images.get(BASE_IMAGE)
    except ImageNotFound:
        pytest.skip(f"the base image {BASE_IMAGE} is not there; name one with ALJIBE_BASE_IMAGE")
    return client


def build(client: Any, name: str, **options: Any) -> str:
    """Builds an image of the repository's Dockerfile; the tag."""
    image = f"aljibe/{name}:{TAG}"
    arguments = {"BASE_IMAGE": BASE_IMAGE, **options.pop("buildargs", {})}
    client.images.build(
        path=str(ROOT), tag=image, buildargs=arguments, network_mode="host", rm=True, forcerm=True, **options
    )
    return image


class Cluster:
    """Containers on one network, as restricted as deploy/k8s has them; all go away with the stack."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._network = stack.enter_context(Network())

    def run(
        self,
        image: str,
        name: str,
        *command: str,
        environ: dict[str, str],
        keys: Path | None = None,
        port: int | None = None,
        data: bool = False,
        ready_when_it_says: str = "",
    ) -> DockerContainer:
        """A started container: read-only root, no capabilities, not root; ``port`` is published."""
        container = DockerContainer(
            image,
            user=f"{USER}:{USER}",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )
        container.with_command(list(command)).with_network(self._network).with_network_aliases(name)
        container.with_envs(**environ)
        container.tmpfs = {"/tmp": "size=64m"}
        if data:
            container.tmpfs["/data"] = f"uid={USER},gid={USER},mode=0700"
        if keys is not None:
            container.with_volume_mapping(str(keys), "/run/aljibe", "ro")
        if port is not None:
            # On loopback, any free port. testcontainers hands it on as it is; its types know numbers only.
            container.ports = {str(port): ("127.0.0.1", None)}  # type: ignore[dict-item]
        if ready_when_it_says:
            ready = LogMessageWaitStrategy(ready_when_it_says)
            container.waiting_for(ready.with_startup_timeout(int(START_SECONDS)))
        return self._stack.enter_context(container)


def make_keys(folder: Path) -> Path:
    """Key pairs of the services and of the test, and one file with all public keys; the test's own."""
    public: list[object] = []
    for name in (*ALL, "development"):
        made = development_keys(folder / name)
        public += json.loads(made.public_keys_file.read_text())["keys"]
        # The containers' user is not ours; what is closed to everybody else is the folder's parent.
        made.private_key_file.chmod(0o644)
    (folder / "keys.jwks.json").write_text(json.dumps({"keys": public}))
    return folder / "development" / "private.jwk.json"


def environment(service: str, password: str) -> dict[str, str]:
    """What deploy/k8s tells a service, with the addresses of this network."""
    own: dict[str, str] = {}
    if service == TELEMETRY:
        # The network of the containers is nobody else's.
        own = {
            "ALJIBE_OTLP_GRPC_LISTEN": f"0.0.0.0:{OTLP_PORT}",
            "ALJIBE_OTLP_OPEN": "true",
            "ALJIBE_TRACE_STORE": "/data/traces.db",
        }
    elif service == CONSOLE:
        own = {
            "ALJIBE_TOKEN_KEY_FILE": "/run/aljibe/development/private.jwk.json",
            "ALJIBE_DEVELOPMENT_ACCOUNTS": "true",
        }
    return {
        **own,
        **{f"ALJIBE_{name.upper()}_ADDRESS": f"{name}:{GRPC_PORT}" for name in ALL if name not in DOORS},
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{TELEMETRY}:{OTLP_PORT}",
        "ALJIBE_POSTGRES_URL": f"postgresql://aljibe_{service}:{password}@postgres:5432/postgres",
        "ALJIBE_NATS_URL": f"nats://aljibe:{password}@nats:4222",
        "ALJIBE_AUTH_KEYS_FILE": "/run/aljibe/keys.jwks.json",
        "ALJIBE_SERVICE_TOKEN_KEY_FILE": f"/run/aljibe/{service}/private.jwk.json",
    }


def start(cluster: Cluster, images: dict[str, str], keys: Path) -> dict[str, DockerContainer]:
    """The services' containers, once PostgreSQL and NATS answer and every schema is migrated."""
    password = "p" + secrets.token_hex(16)
    for name, says in (("postgres", "ready to accept connections"), ("nats", "Server is ready")):
        cluster.run(
            images["servers"], name, name, environ={"PASSWORD": password}, data=True, ready_when_it_says=says
        )
    admin = {
        "ALJIBE_POSTGRES_ADMIN_URL": f"postgresql://aljibe_admin:{password}@postgres:5432/postgres",
        "ALJIBE_DB_PASSWORD": password,
    }
    for name in ALL:
        migration = cluster.run(images[name], f"migrate-{name}", "migrate", environ=admin)
        code, log = ended(migration, START_SECONDS)
        assert code == 0, log
    return {
        name: cluster.run(
            images[name],
            name,
            environ=environment(name, password),
            keys=keys,
            port=HTTP_PORT if name in DOORS else GRPC_PORT,
            data=name == TELEMETRY,
        )
        for name in ALL
    }


def ended(container: DockerContainer, seconds: float) -> tuple[int, str]:
    """Exit code and log of a container, once it has ended."""
    wrapped = container.get_wrapped_container()
    return int(wrapped.wait(timeout=seconds)["StatusCode"]), wrapped.logs().decode()


def address(container: DockerContainer, port: int) -> str:
    """Where a published port is reached from here."""
    return f"127.0.0.1:{container.get_exposed_port(port)}"


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    """Every image built, and all of them running."""
    client = engine()
    images = {name: build(client, name, buildargs={"SERVICE": name}) for name in ALL}
    images["servers"] = build(client, "servers", target="servers")
    parent = Path(tempfile.mkdtemp(prefix="aljibe-containers-"))
    keys = parent / "keys"
    keys.mkdir(mode=0o755)
    development_key = make_keys(keys)
    try:
        with ExitStack() as stack:
            running = start(Cluster(stack), images, keys)
            grpc = {name: address(one, GRPC_PORT) for name, one in running.items() if name not in DOORS}
            http, pages = (f"http://{address(running[name], HTTP_PORT)}" for name in DOORS)
            addresses = Addresses(http, grpc, {}, console=pages)
            yield Containers(addresses, development_key, running)
    finally:
        shutil.rmtree(parent, ignore_errors=True)


async def ready(containers: Containers) -> None:
    """Returns when the gateway says that every service behind it serves."""

    async def look() -> bool:
        try:
            answer = await http.get("/readyz")
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK

    async with httpx.AsyncClient(base_url=containers.addresses.http, timeout=5, trust_env=False) as http:
        try:
            await eventually(look, "platform in containers that is ready", START_SECONDS)
        except AssertionError as error:
            for name, one in containers.running.items():
                error.add_note(f"{name}: {one.get_wrapped_container().logs(tail=15).decode()}")
            raise


@pytest.mark.timeout(BUILD_AND_RUN_SECONDS)
async def test_an_order_placed_at_the_door_of_the_containers_reaches_the_warehouse(
    containers: Containers,
) -> None:
    """Images that build, and cannot do the one thing they are for, are worth nothing."""
    await ready(containers)

    # `World` wants of a platform its addresses and the key that signs tokens; these containers have both.
    async with retailer(cast(Platform, containers)) as world:
        sku = await world.article(price_minor=1000, stock={"wh-1": 3})
        order = await world.buy({sku: 2})
        work = await world.work(order)

    assert order.state == orders_pb2.ORDER_STATE_ACCEPTED
    assert work.location_id == "wh-1"
    assert [line.quantity_units for line in work.lines] == [2]


@pytest.mark.timeout(BUILD_AND_RUN_SECONDS)
async def test_an_orders_trace_is_found_and_its_page_answers_in_containers(containers: Containers) -> None:
    """What operations look at comes out of images of its own."""
    await ready(containers)
    async with retailer(cast(Platform, containers)) as world:
        order = await world.buy(await world.article(price_minor=1000, stock={"wh-1": 1}))
        await world.work(order)
        traces = traces_pb2_grpc.TraceServiceStub(world.grpc_channel(TELEMETRY))

        async def stored() -> set[str]:
            answer = await traces.SearchTraces(
                traces_pb2.SearchTracesRequest(order_id=order.order_id), metadata=world.auth(world.operator)
            )
            found = {service for one in answer.traces for service in one.services}
            return found if {"gateway", "orders", "inventory", "fulfillment"} <= found else set()

        await eventually(stored, "the order's trace through four services", START_SECONDS)

    url = containers.addresses.console
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http:
        form = re.search(r'<meta name="csrf" content="([^"]+)"', (await http.get("/sign-in")).text)
        assert form is not None
        await http.post("/sign-in", data={"csrf": form[1], "account": "operator"}, headers={"origin": url})
        page = await http.get(f"/orders/{order.order_id}")
        today = await http.get("/today")
    assert page.status_code == today.status_code == httpx.codes.OK
    assert 'id="order-life"' in page.text
    assert "wh-1" in page.text
    assert page.text.rstrip().endswith("</html>")


@pytest.mark.timeout(BUILD_AND_RUN_SECONDS)
async def test_a_container_told_to_stop_drains_and_ends_well(containers: Containers) -> None:
    """As process 1 it gets the signal itself; one that ignored it would be killed with its work in hand."""
    await ready(containers)

    for name in ("fulfillment", TELEMETRY, *DOORS):
        wrapped = containers.running[name].get_wrapped_container()
        await asyncio.to_thread(wrapped.kill, "SIGTERM")
        code, log = await asyncio.to_thread(ended, containers.running[name], DRAIN_SECONDS)

        assert code == 0, log
