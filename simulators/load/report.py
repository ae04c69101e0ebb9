"""The numbers of a load run."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from simulators.load.plan import Plan

JsonObject = dict[str, Any]


def percentile(ordered: Sequence[float], per_mille: int) -> float:
    """Return the value below which `per_mille` of the sorted values lie."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, len(ordered) * per_mille // 1000)]


def latency_ms(values_s: Sequence[float]) -> dict[str, float]:
    """Return p50, p90, p99, p999, max and mean in milliseconds."""
    ordered = sorted(values_s)
    rows = {"p50": 500, "p90": 900, "p99": 990, "p999": 999}
    result = {
        name: round(percentile(ordered, point) * 1e3, 3) for name, point in rows.items()
    }
    result["max"] = round(ordered[-1] * 1e3, 3) if ordered else 0.0
    mean = sum(ordered) / len(ordered) if ordered else 0.0
    result["mean"] = round(mean * 1e3, 3)
    return result


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run measured.

    Attributes:
        answers: CALLRESULTs and CALLERRORs within the measured time.
        units: whole charges, or messages, within the run.
        client_cpu_us: CPU time of this process per answer.
        connect_s, prepare_s: time of all handshakes, of boots and starts.
        errors: counted by kind; empty when all went well.
    """

    message: str
    ocpp: str
    url: str
    connections: int
    seconds: float
    answers: int
    messages_per_s: float
    units: int
    units_per_s: float
    latency_ms: dict[str, float]
    client_cpu_us: float
    connect_s: float
    prepare_s: float
    rate: float
    frame_bytes: int
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every call was answered with a CALLRESULT."""
        return self.answers > 0 and not self.errors

    def as_json(self) -> JsonObject:
        """Return the report as one JSON object."""
        return {"ok": self.ok, **asdict(self)}


def build_report(
    plan: Plan,
    *,
    seconds: float,
    latencies_s: Sequence[float],
    units: int,
    times: dict[str, float],
    errors: dict[str, int],
) -> Report:
    """Put the counts of a run together.

    Args:
        plan: what was asked for.
        seconds: measured wall time.
        latencies_s: one value per answer in the measured time.
        units: scenario units done in the measured time.
        times: ``connect``, ``prepare`` and ``cpu`` seconds, ``frame_bytes``.
        errors: counted by kind.
    """
    answers = len(latencies_s)
    return Report(
        message=plan.message,
        ocpp=plan.version,
        url=plan.url,
        connections=plan.connections,
        seconds=round(seconds, 3),
        answers=answers,
        messages_per_s=round(answers / seconds, 1),
        units=units,
        units_per_s=round(units / seconds, 1),
        latency_ms=latency_ms(latencies_s),
        client_cpu_us=round(times["cpu"] / max(1, answers) * 1e6, 2),
        connect_s=round(times["connect"], 3),
        prepare_s=round(times["prepare"], 3),
        rate=plan.rate,
        frame_bytes=int(times["frame_bytes"]),
        errors=errors,
    )
