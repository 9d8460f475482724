"""Parts of a figure, and a treatment that is in no figure of lines."""

from lottery_tf.pruning.treatments import Treatment

MINE = Treatment("large_final_same_sign")  # in no figure of lines


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def panel_of(figure, place):
    return figure.axes[place]


def heights(axes, look, marker=True):
    """The points of lines in a colour and dash; with markers, of what is drawn as points."""
    lines = [line for line in axes.lines if line.get_color() == look.colour]
    return [line for line in lines if (line.get_marker() not in ("", "None")) == marker and len(line.get_xdata())]
