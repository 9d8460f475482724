"""Lines can be told apart: by colour-blind readers, in grey, on a light and on a dark background."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from analysis.figures import styles
from lottery_tf.errors import InputError
from lottery_tf.studies import paper

HUES = ("blue", "orange", "green", "crimson", "olive", "violet")
GROUNDS = {"light": 0, "dark": 1}
# Linear RGB as eyes without one kind of cone see it (Machado, Oliveira & Fernandes, 2009, severity 1).
EYES = {
    "all cones": np.eye(3),
    "no long": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no middle": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no short": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
TREATMENTS = {name: [t.name for t in figure.lines.values()] for name, figure in paper.FIGURE_LINES.items()}
TREATMENTS["figure7"] = [f"{source.criterion}-rewind-zero" for source in paper.HEURISTIC_MASK_SOURCES]


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(colour, eyes="all cones"):
    """CIE L*a*b* of a colour as some eyes see it."""
    xyz = TO_XYZ @ np.clip(np.array(EYES[eyes]) @ linear(colour), 0, 1) / (0.95047, 1, 1.08883)
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    """The contrast ratio of WCAG 2."""
    low, high = sorted(0.05 + TO_XYZ[1] @ linear(colour) for colour in (one, other))
    return high / low


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_any_eyes_tell_the_hues_apart(ground, eyes):
    seen = [lab(styles.COLOURS[hue][GROUNDS[ground]], eyes) for hue in HUES]
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(distances) > 15  # about 2.3 is the least difference that eyes notice


@pytest.mark.parametrize("ground", GROUNDS)
def test_the_hues_are_steps_of_grey(ground):
    lightness = sorted(lab(styles.COLOURS[hue][GROUNDS[ground]])[0] for hue in HUES)
    assert np.diff(lightness).min() > 4


@pytest.mark.parametrize("ground", GROUNDS)
def test_every_hue_stands_out_from_its_ground(ground):
    index = GROUNDS[ground]
    for hue in (*HUES, "grey"):
        assert contrast(styles.COLOURS[hue][index], styles.GROUND[index]) > 2.4, hue
    assert contrast(styles.COLOURS["ink"][index], styles.GROUND[index]) > 12


@pytest.mark.parametrize("figure", TREATMENTS)
def test_the_lines_of_a_figure_differ_in_marker_and_in_colour_or_dash(figure):
    lines = [styles.TREATMENTS[name] for name in TREATMENTS[figure]]  # each has a style of its own
    for one, other in itertools.combinations(lines, 2):
        assert (one.marker, one.hollow) != (other.marker, other.hollow)
        assert (one.colour, one.dash) != (other.colour, other.dash)


def test_no_two_treatments_look_the_same():
    drawn = list(styles.TREATMENTS.values())
    assert len(set(drawn)) == len(drawn)


def test_a_treatment_that_the_paper_has_not_gets_one_look_of_its_own():
    names = [f"mine+criterion_{letter}-rewind-zero" for letter in "abcdefgh"]
    looks = [styles.treatment_style(name) for name in names]
    assert looks == [styles.treatment_style(name) for name in names]
    assert len(set(looks)) == len(names)
    assert not set(looks) & set(styles.TREATMENTS.values())
    assert styles.criterion_style("mine:criterion_a") == looks[0]


def test_an_unknown_baseline_is_refused():
    with pytest.raises(InputError, match="Unknown baseline 'densest'; did you mean 'dense'"):
        styles.baseline_style("densest")
