"""chart.py RENDERED: holds a rendered chart to Kubernetes' schemas, and to what it promises.

Needs `kubernetes-validate`, which carries the schemas, and PyYAML.
"""

import pathlib
import sys

import kubernetes_validate
import yaml

documents = [each for each in yaml.safe_load_all(pathlib.Path(sys.argv[1]).read_text()) if each]
kinds = {each["kind"]: each for each in documents}
# Kinds of the Prometheus operator: their schemas are the cluster's, so only their shape is looked at below.
foreign = {"ServiceMonitor", "PrometheusRule"}
for document in documents:
    if document["kind"] not in foreign:
        kubernetes_validate.validate(document, "1.30", strict=True)

wanted = {
    "ConfigMap",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
    "StatefulSet",
    *foreign,
}
assert set(kinds) == wanted, set(kinds) ^ wanted
pod = kinds["StatefulSet"]["spec"]["template"]["spec"]
container = pod["containers"][0]
assert kinds["StatefulSet"]["spec"]["replicas"] == 1
assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
assert container["securityContext"]["readOnlyRootFilesystem"]
assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
for probe, path in [("startupProbe", "/readyz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]:
    assert container[probe]["httpGet"]["path"] == path, probe
    assert container[probe]["httpGet"]["scheme"] == "HTTPS", probe

volumes = {each["name"] for each in pod["volumes"]}
volumes |= {each["metadata"]["name"] for each in kinds["StatefulSet"]["spec"].get("volumeClaimTemplates", [])}
mounts = {each["name"] for each in container["volumeMounts"]}
assert volumes == mounts, volumes ^ mounts

selected = kinds["StatefulSet"]["spec"]["selector"]["matchLabels"]
of_pod = kinds["StatefulSet"]["spec"]["template"]["metadata"]["labels"].items()
for kind, selector in [
    ("Service", kinds["Service"]["spec"]["selector"]),
    ("NetworkPolicy", kinds["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]),
    ("PodDisruptionBudget", kinds["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]),
    ("StatefulSet", selected),
]:
    assert selector and selector.items() <= of_pod, kind
monitor = kinds["ServiceMonitor"]["spec"]
assert monitor["selector"]["matchLabels"].items() <= kinds["Service"]["metadata"]["labels"].items()
assert monitor["endpoints"][0]["port"] in [each["name"] for each in kinds["Service"]["spec"]["ports"]]
assert kinds["PrometheusRule"]["spec"]["groups"][0]["rules"]
assert all("valueFrom" in each and "value" not in each for each in container["env"])
# The settings, for the service to read.
pathlib.Path(sys.argv[2]).write_text(kinds["ConfigMap"]["data"]["behest.toml"])
print(f"{len(documents)} documents, as Kubernetes takes them")
