from netwright.doctor.layer.finding import Finding, LayerReport, settled


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
    assert lines[0] == "Mine: 1 failed, 1 passed, 1 not supported, 1 not tried"
    assert lines[2].startswith("✗ two") and "  two: Mend it." in lines
    order = [
        line[2:].split("  ")[0]
        for line in lines[2:]
        if line.startswith(("✗", "✓", "–")) or line == "  three        not tried"
    ]
    assert order == ["two", "one", "another one", "three"]
    assert lines.index("What to do") < lines.index("  two: Mend it.") < lines.index("Not supported, if you want it")
    assert not report.passed and report.failed == (findings[2],)
    assert LayerReport("Mine", findings[:2]).passed and "nothing" in str(LayerReport("Mine", ()))


def test_checks_that_were_not_tried_for_one_reason_share_a_line():
    findings = [Finding(f"check {i}", "not tried", "backward raises") for i in range(8)]
    lines = str(LayerReport("Mine", (Finding("first", "failed", "bad"), *findings))).splitlines()
    assert lines[0] == "Mine: 1 failed, 8 not tried" and lines[-1] == "  8 more checks not tried: backward raises"
    report = LayerReport("Mine", tuple(findings[:3]))
    assert "3 more checks not tried: backward raises (check 0, check 1, check 2)" in str(report)
    assert "more checks" not in str(LayerReport("Mine", tuple(findings[:2])))


def test_what_follows_from_another_failure_gives_no_advice_of_its_own():
    twice, place = (
        Finding("called twice", "failed", "bad", "Mend it."),
        Finding("in place", "failed", "bad", "Copy it."),
    )
    shapes = Finding("shapes", "failed", "bad", "Sum it.")
    assert settled([twice, shapes]) == (twice, shapes)
    assert [f.fix for f in settled([twice, shapes, place])] == ["See in place.", "Sum it.", "Copy it."]
