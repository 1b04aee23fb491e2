"""Renders kustomize folders with kubectl and checks what comes out: `python -m tools.manifests FOLDER…`.

Each object must fit the schema of the oldest and the newest Kubernetes that we support, strictly: an unknown
field is an error. Then what no schema says: every name points at something, every pod is as restricted as its
namespace demands, and a Secret comes from an overlay for development only.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

VERSIONS = ("1.31", "1.37")
"""Oldest and newest Kubernetes."""
OF_OPERATORS = {"postgresql.cnpg.io/v1"}
"""Kinds that an operator brings; their schemas are not Kubernetes' own."""
FROM_OUTSIDE = {
    ("ConfigMap", "token-keys"),
    *(
        ("Secret", f"{service}-key")
        for service in ("catalog", "inventory", "orders", "fulfillment", "insights", "console")
    ),
}
"""Made by deploy/k8s/keys, for every overlay."""
PRODUCTION_SECRETS = (
    {
        ("Secret", name)
        for service in ("catalog", "inventory", "orders", "fulfillment", "insights")
        for name in (f"{service}-database", f"{service}-migration")
    }
    | {
        ("Secret", "nats-client"),
        ("Secret", "nats-server"),
        ("Secret", "gateway-tls"),
        ("Secret", "grafana-admin"),
        ("Secret", "postgres-monitor"),
        ("Secret", "tills-tls"),
    }
    | {
        ("Secret", "console-accounts"),
        ("Secret", "console-tls"),
    }
)
"""Made by the retailer's own secret store; docs/deployment.md lists them."""

Manifest = Mapping[str, Any]


def render(folder: Path) -> list[Manifest]:
    """The objects of a kustomize folder.

    Raises:
        ValueError: kubectl refuses the folder; the text is what it says.
    """
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode or "deprecated" in done.stderr:
        raise ValueError(done.stderr.strip())
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def problems(objects: Sequence[Manifest], *, development: bool) -> Iterator[str]:
    """What is wrong with the objects of one folder, a line each."""
    yield from _schema_problems(objects)
    yield from _dangling(objects, development=development)
    for one in objects:
        for pod in _pods(one):
            for problem in _pod_problems(pod):
                yield f"{_name(one)}: {problem}"
        if one["kind"] == "Secret" and not development:
            yield f"{_name(one)}: a secret has no place in the repository"


def _schema_problems(objects: Iterable[Manifest]) -> Iterator[str]:
    for one in objects:
        if one["apiVersion"] in OF_OPERATORS:
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(one, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                where = ".".join(str(part) for part in error.path)
                yield f"{_name(one)}: Kubernetes {version}: {where}: {error.message}"


def _dangling(objects: Sequence[Manifest], *, development: bool) -> Iterator[str]:
    there = {(one["kind"], one["metadata"]["name"]) for one in objects} | FROM_OUTSIDE
    if not development:
        there |= PRODUCTION_SECRETS
    pods = [pod["metadata"].get("labels", {}) for one in objects for pod in _pods(one)]
    for one in objects:
        for kind, name in _references(one):
            if (kind, name) not in there:
                yield f"{_name(one)}: {kind} {name} is not there"
        if one["kind"] in ("Service", "NetworkPolicy", "PodDisruptionBudget"):
            spec = one["spec"]
            selector = spec.get("podSelector", spec.get("selector"))
            if selector is None:  # kustomize adds labels to a selector of these that exists, and makes none
                yield f"{_name(one)}: has no selector"
                continue
            wanted = selector if one["kind"] == "Service" else selector.get("matchLabels", {})
            if not any(wanted.items() <= labels.items() for labels in pods):
                yield f"{_name(one)}: selects no pod"


def _references(one: Manifest) -> Iterator[tuple[str, str]]:
    """Names that an object points at, as (kind, name)."""
    for pod in _pods(one):
        spec = pod["spec"]
        yield "ServiceAccount", spec.get("serviceAccountName", "default")
        for volume in spec.get("volumes", []):
            if "configMap" in volume:
                yield "ConfigMap", volume["configMap"]["name"]
            if "secret" in volume:
                yield "Secret", volume["secret"]["secretName"]
        for container in spec["containers"]:
            for source in container.get("envFrom", []):
                yield "ConfigMap", source["configMapRef"]["name"]
            for variable in container.get("env", []):
                secret = variable.get("valueFrom", {}).get("secretKeyRef")
                if secret:
                    yield "Secret", secret["name"]
    spec = one.get("spec", {})
    if one["kind"] == "HorizontalPodAutoscaler":
        yield spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"]
    if one["kind"] == "Ingress":
        for tls in spec.get("tls", []):
            yield "Secret", tls["secretName"]
        for rule in spec["rules"]:
            for path in rule["http"]["paths"]:
                yield "Service", path["backend"]["service"]["name"]


def _pods(one: Manifest) -> Iterator[Manifest]:
    if one["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        yield one["spec"]["template"]


def _pod_problems(pod: Manifest) -> Iterator[str]:
    spec = pod["spec"]
    context = spec.get("securityContext", {})
    if not context.get("runAsNonRoot") or not context.get("runAsUser"):
        yield "must run as a user that is not root, given by number"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "needs the seccomp profile RuntimeDefault"
    if spec.get("automountServiceAccountToken") is not False:
        yield "must not be handed a token of the cluster"
    if spec.get("enableServiceLinks") is not False:
        yield "must not be handed the addresses of all services (enableServiceLinks)"
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        yield from (f"{container['name']} {problem}" for problem in _container_problems(container))
        if spec.get("restartPolicy") != "Never" and not {
            "readinessProbe",
            "livenessProbe",
            "startupProbe",
        } <= set(container):
            yield f"{container['name']} needs startup, readiness and liveness probes"


def _container_problems(container: Manifest) -> Iterator[str]:
    own = container.get("securityContext", {})
    if own.get("allowPrivilegeEscalation") is not False:
        yield "must not gain privileges"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "needs a read-only root file system"
    if own.get("capabilities", {}).get("drop") != ["ALL"]:
        yield "must drop all capabilities"
    if not container.get("resources", {}).get("requests") or "memory" not in container["resources"].get(
        "limits", {}
    ):
        yield "needs resource requests and a memory limit"
    if ":" not in container["image"].rsplit("/", 1)[-1] or container["image"].endswith(":latest"):
        yield f"needs an image with a version, not {container['image']}"


def _name(one: Manifest) -> str:
    return f"{one['kind']} {one['metadata']['name']}"


def main(folders: Sequence[str]) -> int:
    """0 when every folder renders and nothing is wrong with what it renders."""
    wrong = 0
    for folder in map(Path, folders):
        try:
            objects = render(folder)
        except ValueError as error:
            print(f"{folder}: {error}", file=sys.stderr)
            wrong += 1
            continue
        found = list(problems(objects, development=folder.name == "dev"))
        for problem in found:
            print(f"{folder}: {problem}", file=sys.stderr)
        wrong += len(found)
        unchecked = sum(one["apiVersion"] in OF_OPERATORS for one in objects)
        note = f", {unchecked} of them an operator's own and without a schema here" if unchecked else ""
        if not found:
            print(f"{folder}: {len(objects)} objects fit Kubernetes {VERSIONS[0]} and {VERSIONS[1]}{note}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
