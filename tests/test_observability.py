"""Every panel and every alert of deploy/k8s/observability asks for metrics that are really there."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf import descriptor_pool

from tests import promql

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "k8s" / "observability"
SERVICES = ("catalog", "inventory", "orders", "fulfillment", "insights", "gateway", "console")
TARGET = frozenset({"job", "instance"})
"""Labels that Prometheus gives every series."""
SERVICE = frozenset({"service"})
"""And the ones that its scrape of our pods adds."""

_NODE = ("server_id", "server_name", "cluster", "domain", "meta_leader", "is_meta_leader")
_STREAM = (*_NODE, "account", "account_id", "stream_name", "stream_leader", "is_stream_leader")
_CONSUMER = (*_STREAM, "consumer_name", "consumer_leader", "is_consumer_leader", "consumer_desc")
OTHERS: Mapping[str, tuple[str, ...]] = {
    "up": ("service",),
    # github.com/nats-io/prometheus-nats-exporter, collector/jsz.go and -varz
    **{
        f"jetstream_server_{name}": _NODE
        for name in ("total_streams", "jetstream_disabled", "total_message_bytes", "max_storage")
    },
    **{f"jetstream_stream_{name}": _STREAM for name in ("last_seq", "total_bytes", "total_messages")},
    **{
        f"jetstream_consumer_{name}": _CONSUMER
        for name in ("num_pending", "num_ack_pending", "num_redelivered")
    },
    "gnatsd_varz_slow_consumers": ("server_id",),
    "gnatsd_varz_connections": ("server_id",),
    # github.com/prometheus-community/postgres_exporter, collector/ and cmd/postgres_exporter/queries.go
    "pg_up": (),
    "pg_settings_max_connections": ("server",),
    "pg_replication_lag_seconds": (),
    "pg_database_size_bytes": ("datname",),
    "pg_stat_activity_count": ("datname", "state", "usename"),
    "pg_stat_activity_max_tx_duration": ("datname", "state", "usename"),
    **{
        f"pg_stat_database_{name}": ("datid", "datname")
        for name in (
            "xact_commit",
            "xact_rollback",
            "blks_hit",
            "blks_read",
            "tup_inserted",
            "tup_updated",
            "tup_deleted",
            "deadlocks",
            "temp_files",
        )
    },
}
"""Metrics of others that are scraped, and their labels."""

_TELL = """
import importlib, json, sys
service = sys.argv[1]
app = importlib.import_module(f"services.{service}.app")
import chassis.otlp
definition = getattr(app, "definition", None)
if definition is not None and definition.schema is not None and definition.bus:
    import chassis.outbox
from chassis.metrics import REGISTRY
told = {}
for collector in REGISTRY._collector_to_names:
    labels = list(getattr(collector, "_labelnames", ()))
    for family in collector.describe() if hasattr(collector, "_labelnames") else collector.collect():
        name = family.name
        if family.type == "counter":
            told[name + "_total"] = labels
        elif family.type == "histogram":
            told |= {name + "_bucket": [*labels, "le"], name + "_count": labels, name + "_sum": labels}
        else:
            told[name] = labels
print(json.dumps(told))
"""


@cache
def _exposed(service: str) -> Mapping[str, frozenset[str]]:
    """Names and labels in the registry of a service, once everything that it runs is loaded."""
    done = subprocess.run(
        [sys.executable, "-c", _TELL, service], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name: frozenset(labels) for name, labels in json.loads(done.stdout).items()}


@cache
def _known() -> Mapping[str, frozenset[str]]:
    """Every metric that Prometheus finds, with all labels it may have."""
    known = {name: TARGET | set(labels) for name, labels in OTHERS.items()}
    for service in SERVICES:
        for name, labels in _exposed(service).items():
            known[name] = known.get(name, frozenset()) | labels | TARGET | SERVICE
    return known


def _panels() -> Iterator[tuple[str, str, str]]:
    for file in sorted((FOLDER / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{file.stem}: {panel['title']}", target["expr"], target["legendFormat"]


def _alerts() -> Iterator[tuple[str, str, str]]:
    for file in sorted((FOLDER / "rules").glob("*.yaml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            for rule in group["rules"]:
                yield f"{file.stem}: {rule['alert']}", rule["expr"], rule["annotations"]["summary"]


QUERIES = [*_panels(), *_alerts()]


@pytest.mark.parametrize(("query", "text"), [pytest.param(*rest, id=name) for name, *rest in QUERIES])
def test_a_query_asks_for_metrics_and_labels_that_are_exposed(query: str, text: str) -> None:
    """A renamed metric leaves a panel empty and an alert silent, and nobody notices until it is needed."""
    asked, grouped = promql.parse(query)
    labels: set[str] = set()

    for one in asked:
        assert one.metric in _known(), f"nobody exposes {one.metric}"
        own = _known()[one.metric]
        assert set(one.labels) <= own, f"{one.metric} has no {set(one.labels) - own}"
        labels |= own
    shown = set(re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", text))

    assert asked
    assert grouped <= labels
    assert shown <= labels


@pytest.mark.parametrize(("query", "text"), [pytest.param(*rest, id=name) for name, *rest in QUERIES])
def test_a_query_asks_for_values_that_occur(query: str, text: str) -> None:
    """An RPC or a code that does not exist is never seen."""
    values: Mapping[str, frozenset[str]] = {
        "rpc": _rpcs(),
        "code": frozenset(code.name for code in grpc.StatusCode),
        "service": frozenset(SERVICES),
        "job": frozenset(one["job_name"] for one in _yaml("prometheus.config.yaml")["scrape_configs"]),
        "outcome": frozenset({"kept", "missed"}),
    }

    for one in promql.parse(query)[0]:
        for label, (sign, value) in one.labels.items():
            wanted = set(value.split("|")) if sign in ("=~", "!~") else {value}
            assert wanted <= values.get(label, wanted), f"{one.metric}: no {label} is {value}"


def _rpcs() -> frozenset[str]:
    """`package.Service/Method`, as the metric has it."""
    for stub in ("orders.v1.orders", "inventory.v1.inventory", "catalog.v1.pricing"):
        importlib.import_module(f"aljibe.{stub}_pb2")
    pool = descriptor_pool.Default()
    names = ("aljibe.orders.v1.OrderService", "aljibe.inventory.v1.ReservationService")
    return frozenset(
        f"{name}/{method.name}" for name in names for method in pool.FindServiceByName(name).methods
    )


def _yaml(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


def test_every_service_is_scraped_and_every_dashboard_and_rule_is_deployed() -> None:
    """A new service, dashboard or file of rules is easily forgotten in the other list."""
    kustomization = _yaml("kustomization.yaml")
    files = {file for one in kustomization["configMapGenerator"] for file in one["files"]}
    here = {str(file.relative_to(FOLDER)) for file in FOLDER.glob("*/*") if file.suffix in (".json", ".yaml")}
    scrapes = {one["job_name"]: one for one in _yaml("prometheus.config.yaml")["scrape_configs"]}
    (found,) = scrapes["aljibe"]["dns_sd_configs"]
    headless = list(yaml.safe_load_all((FOLDER / "component" / "metrics.yaml").read_text()))

    assert {file for file in here if not file.startswith("component/")} <= files
    assert found["names"] == [f"{service}-metrics.aljibe.svc" for service in SERVICES]
    assert [one["metadata"]["name"] for one in headless] == [f"{service}-metrics" for service in SERVICES]


def test_every_alert_names_a_recipe_that_is_written_down() -> None:
    """Who is woken opens docs/operations.md at the heading that the alert gives."""
    written = (ROOT / "docs" / "operations.md").read_text()
    recipes = set(re.findall(r"^## (.+)$", written, re.MULTILINE))
    asked = {
        rule["alert"]: rule.get("annotations", {}).get("runbook", "")
        for file in (FOLDER / "rules").glob("*.yaml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }

    assert asked
    assert {name: topic for name, topic in asked.items() if topic not in recipes} == {}


def test_every_alert_is_played() -> None:
    """Each fires in alerts.test.yaml, and says what a person is to read."""
    played = {
        test["alertname"]
        for one in _yaml("alerts.test.yaml")["tests"]
        for test in one["alert_rule_test"]
        if test["exp_alerts"]
    }

    assert {name.partition(": ")[2] for name, _, _ in _alerts()} == played


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "config", "prometheus.config.yaml"],
        ["check", "rules", *(f"rules/{file.name}" for file in sorted((FOLDER / "rules").glob("*.yaml")))],
        ["test", "rules", "alerts.test.yaml"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_promtool_is_content(arguments: list[str]) -> None:
    """Prometheus' own check of the grammar, and each alert played against made-up series."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on this machine (Debian: apt install prometheus)")

    done = subprocess.run([promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_query_is_taken_apart() -> None:
    """The check is worth as much as this."""
    asked, grouped = promql.parse(
        'topk(3, histogram_quantile(0.99, sum by (le, rpc) (rate(a_bucket{code=~"OK|X", b!="c"}[5m]))))'
        " / on (x) group_left () max without (y) (d offset 1h) or absent(e) and 0 * f > bool 1e3"
    )

    assert [one.metric for one in asked] == ["a_bucket", "d", "e", "f"]
    assert asked[0].labels == {"code": ("=~", "OK|X"), "b": ("!=", "c")}
    assert grouped == {"le", "rpc", "x", "y"}
    with pytest.raises(ValueError, match="no PromQL"):
        promql.parse("a ? b")
