from __future__ import annotations

import copy
from typing import Any

import pytest

from tools.manifests import problems

LABELS = {"app.kubernetes.io/name": "demo"}
CONTAINER: dict[str, Any] = {
    "name": "demo",
    "image": "aljibe/demo:1",
    "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
    **{f"{kind}Probe": {"grpc": {"port": 50051}} for kind in ("startup", "readiness", "liveness")},
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "demo"},
    "spec": {
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {
                "serviceAccountName": "demo",
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [CONTAINER],
            },
        },
    },
}
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "demo"}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}


def found(*objects: Any, development: bool = False) -> list[str]:
    return list(problems([ACCOUNT, *objects], development=development))


def deployment(**container: Any) -> dict[str, Any]:
    one = copy.deepcopy(DEPLOYMENT)
    one["spec"]["template"]["spec"]["containers"][0] |= container
    return one


def test_a_restricted_deployment_whose_names_exist_is_fine() -> None:
    assert found(DEPLOYMENT) == []


def test_an_unknown_field_is_an_error_in_every_supported_version() -> None:
    said = found(deployment(imagePullPolcy="Always"))

    assert len(said) == 2
    assert all("imagePullPolcy" in line for line in said)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"image": "aljibe/demo"}, "version"),
        ({"image": "registry.example:5000/demo:latest"}, "version"),
        ({"securityContext": {}}, "read-only"),
        ({"resources": {}}, "memory limit"),
        ({"readinessProbe": {"grpc": {"port": 1}}, "securityContext": {"privileged": True}}, "capabilities"),
        ({"envFrom": [{"configMapRef": {"name": "nowhere"}}]}, "ConfigMap nowhere is not there"),
    ],
)
def test_a_pod_less_restricted_than_its_namespace_or_with_a_name_of_nothing_is_found(
    change: dict[str, Any], word: str
) -> None:
    assert any(word in line for line in found(deployment(**change)))


def test_a_policy_without_a_selector_is_found_because_it_would_govern_every_pod() -> None:
    """Newer schemas let it pass; kustomize adds labels to a selector that is there, and makes none."""
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "demo"},
        "spec": {"policyTypes": ["Ingress"]},
    }

    assert any("has no selector" in line for line in found(DEPLOYMENT, policy))


def test_a_service_that_selects_no_pod_is_found() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "other"},
        "spec": {"selector": {"app.kubernetes.io/name": "other"}, "ports": [{"port": 80}]},
    }

    assert found(DEPLOYMENT, service) == ["Service other: selects no pod"]


def test_a_secret_is_allowed_for_development_only() -> None:
    assert found(SECRET, development=True) == []
    assert found(SECRET) == ["Secret s: a secret has no place in the repository"]
