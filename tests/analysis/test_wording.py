from math import nan

from socialsim.analysis.wording import decimal, listed, percent, span, value


def test_figures_as_words():
    figure = {"estimate": 0.5, "low": 0.25, "high": 0.75}
    assert span(figure) == "0.50 [0.25, 0.75]" and span(figure, "+.0%") == "+50 % [+25, +75]"
    assert decimal(figure, ".1f") == "0.5" and percent(0.125, 1) == "12.5 %" and value(figure) == 0.5
    assert listed("abc") == "a, b and c" and listed(["a"]) == "a" and listed([]) == "none"


def test_what_was_not_measured_is_said_to_be_so():
    for missing in (None, nan):
        assert decimal(missing) == percent(missing) == decimal({"estimate": missing}) == "not measured"
        assert span({"estimate": missing, "low": 0.0, "high": 1.0}) == "not measured"
        assert span({"estimate": 0.5, "low": missing, "high": 1.0}) == "0.50"
    assert decimal({}) == span({}) == "not measured" and value({}) != value({})
