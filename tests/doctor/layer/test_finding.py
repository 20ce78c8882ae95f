from netwright.doctor.layer.finding import Finding, LayerReport


def test_the_table_is_narrow_and_failures_come_first():
    findings = (
        Finding("one", "passed", "well " * 60),
        Finding("another one", "not supported", "no", "Do something about it. " * 20),
        Finding("two", "failed", "bad", "Mend it."),
        Finding("three", "not tried", ""),
    )
    report = LayerReport("Mine", findings)
    lines = str(report).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0] == "Mine: 1 failed, 1 not supported, 1 passed, 1 not tried"
    assert lines[2].startswith("✗ two") and "  two: Mend it." in lines
    assert not report.passed and report.failed == (findings[2],)
    assert LayerReport("Mine", findings[:2]).passed and "nothing" in str(LayerReport("Mine", ()))
