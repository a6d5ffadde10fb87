"""The status of a comparison; its file and words are in `tests/recorded/test_comparison.py`."""

import json

import pytest

from benchmarks.compare.result import Comparison
from rnn_core.commands.status import ExitStatus
from tests.helpers.matrix_results import comparison


@pytest.mark.parametrize(
    ("verdicts", "different", "status"),
    [
        (["same", "faster"], False, ExitStatus.OK),
        (["same", "faster", "cannot tell"], False, ExitStatus.CANNOT_TELL),
        (["same", "slower"], False, ExitStatus.FINDING),
        (["cannot tell", "slower"], False, ExitStatus.FINDING),
        (["same"], True, ExitStatus.FINDING),
        (["cannot tell"], True, ExitStatus.FINDING),
        (["cannot tell"], False, ExitStatus.CANNOT_TELL),
        ([], False, ExitStatus.CANNOT_TELL),
    ],
)
def test_status_follows_from_the_verdicts(
    verdicts: list[str], different: bool, status: ExitStatus
) -> None:
    """Slower or different is a finding; otherwise, a missing verdict gives CANNOT_TELL."""
    content = comparison() if different else comparison(behaviour=[])
    result = content["benchmarks"][-1]["measures"]["time"]
    content["benchmarks"] = [
        {**content["benchmarks"][0], "measures": {"time": {**result, "verdict": word}}}
        for word in verdicts
    ]

    assert Comparison.model_validate_json(json.dumps(content)).status == status
