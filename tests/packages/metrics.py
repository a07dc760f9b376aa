"""metrics.py PROMTOOL: holds alert rules and dashboard to the metrics that the service has.

Every metric that they name stands in the table of docs/observing.md, which `cargo test --test readme` compares with what the
service exposes; every metric of that table is on the dashboard; every query of the dashboard is PromQL.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent.parent
table = (root / "docs/observing.md").read_text()
known = set(re.findall(r"^\| `(behest_\w+)`", table, re.MULTILINE))
assert len(known) > 15, known
labels = dict(re.findall(r"^\| `(behest_\w+)` \|[^|]*\|([^|]*)\|", table, re.MULTILINE))
rules = (root / "packages/prometheus/rules.yaml").read_text()
dashboard = json.loads((root / "packages/grafana/behest.json").read_text())
queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def metrics(text):
    """The metrics that a text names; a histogram's series are its own."""
    found = re.findall(r"\bbehest_[a-z_]+", text)
    return {re.sub(r"^(behest_request_seconds)_(bucket|count|sum)$", r"\1", each) for each in found}


problems = [f"the rules name `{each}`, which is no metric" for each in sorted(metrics(rules) - known)]
shown = metrics("\n".join(queries))
problems += [f"the dashboard names `{each}`, which is no metric" for each in sorted(shown - known)]
problems += [f"the dashboard does not show `{each}`" for each in sorted(known - shown)]
for name, inner in re.findall(r"\b(behest_[a-z_]+?)(?:_bucket|_count|_sum)?\{([^}]*)\}", rules + "\n".join(queries)):
    for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inner):
        if label not in ("job", "instance", "le") and f"`{label}`" not in labels.get(name, ""):
            problems.append(f"`{name}` has no label `{label}`")

boxes = [panel["gridPos"] for panel in dashboard["panels"]]
for at, one in enumerate(boxes):
    for other in boxes[at + 1 :]:
        if all(one[edge] < other[edge] + other[size] and other[edge] < one[edge] + one[size] for edge, size in ("xw", "yh")):
            problems.append(f"panels overlap: {one} and {other}")

with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
    plain = [each.replace("$__rate_interval", "5m") for each in queries]
    recorded = [{"record": f"query:{at}", "expr": each} for at, each in enumerate(plain)]
    json.dump({"groups": [{"name": "dashboard", "rules": recorded}]}, file)
    file.flush()
    checked = subprocess.run([sys.argv[1], "check", "rules", file.name], capture_output=True, text=True)
    if checked.returncode:
        problems.append(checked.stdout + checked.stderr)

print("\n".join(problems) or f"{len(queries)} queries and the rules name {len(shown | metrics(rules))} metrics, which all exist")
sys.exit(1 if problems else 0)
