"""What Prometheus' text format says of its series."""

import re


def check_counters(text):
    """Checks that exactly the counters have names that end in _total; gives these."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    series = {re.sub(r"_(bucket|sum|count)$", "", name) if name not in types else name
              for name in re.findall(r"^(\w+)(?:\{.*\})? \S+$", text, re.MULTILINE)}
    assert series == set(types), series ^ set(types)
    counters = {name for name, kind in types.items() if kind == "counter"}
    assert counters == {name for name in types if name.endswith("_total")}
    labels = re.findall(r'="(\w+_total)"', text)
    assert not labels, f"totals hidden in labels: {labels}"
    return counters
