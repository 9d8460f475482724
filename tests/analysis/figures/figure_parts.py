"""Parts of a figure, and a treatment that is in no figure of lines."""

from lottery_tf.pruning.treatments import Treatment

MINE = Treatment("large_final_same_sign")  # in no figure of lines


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def panel_of(figure, place):
    return figure.axes[place]
