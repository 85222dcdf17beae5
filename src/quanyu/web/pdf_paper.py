"""Documents on paper: A4 pages in the portal's own font, headings, tables, a QR code that leads to
where a document is checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it takes longer to import than all of the portal, and few runs print
    from fpdf import FPDF

INK, SOFT, LINE = (24, 34, 32), (91, 103, 98), (200, 206, 198)
_CODE = 28.0  # millimetres, square


def new_paper(title: str, fonts: Sequence[Path]) -> "FPDF":
    """An empty A4 document whose text can be read back."""
    from fpdf import FPDF

    document = FPDF(format="A4")
    document.set_title(title)
    document.set_auto_page_break(True, margin=16)
    document.set_margins(18, 16, 18)
    names = []
    for number, font in enumerate(fonts):
        names.append(f"noto{number}")
        document.add_font(names[-1], fname=font)
    document.set_font(names[0], size=10)
    document.set_fallback_fonts(names[1:], exact_match=False)
    document.add_page()
    return document


class Paper:
    """Writes parts of a document, one below the other."""

    def __init__(self, document: "FPDF") -> None:
        self.pdf = document

    def heading(self, text: str) -> None:
        """A heading with some room above."""
        self.pdf.ln(3)
        self.line(text, 13)
        self.pdf.ln(1)

    def line(self, text: str, size: float, colour: tuple[int, int, int] = INK) -> None:
        """A paragraph; ``size`` in points."""
        from fpdf.enums import XPos, YPos

        self.pdf.set_font_size(size)
        self.pdf.set_text_color(*colour)
        self.pdf.multi_cell(0, size * 0.52, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")

    def table(
        self,
        rows: Sequence[tuple[str, ...]],
        widths: tuple[float, ...],
        head: tuple[str, ...] | None = None,
    ) -> None:
        """A table; ``widths`` of its columns in millimetres."""
        from fpdf.fonts import FontFace

        self.pdf.set_font_size(9)
        self.pdf.set_text_color(*INK)
        self.pdf.set_draw_color(*LINE)
        self.pdf.set_fill_color(255, 255, 255)
        self.pdf.set_line_width(0.15)
        with self.pdf.table(
            col_widths=widths,
            first_row_as_headings=head is not None,
            headings_style=FontFace(color=SOFT),
            borders_layout="HORIZONTAL_LINES",
            line_height=5.2,
            align="LEFT",
        ) as table:
            for row in [head, *rows] if head else rows:
                table.row(row)
        self.pdf.ln(1)

    def coded(self, address: str, lines: Sequence[tuple[str, tuple[int, int, int]]]) -> None:
        """A QR code of ``address`` (ISO/IEC 18004, level M) with small lines beside it."""
        import segno

        if self.pdf.will_page_break(_CODE + 16):
            self.pdf.add_page()
        left, top = self.pdf.l_margin, self.pdf.get_y() + 1
        matrix = [bytes(row) for row in segno.make(address, error="m").matrix]
        cell = _CODE / len(matrix)
        self.pdf.set_fill_color(0, 0, 0)
        for y, row in enumerate(matrix):
            for x, dark in enumerate(row):
                if dark:
                    self.pdf.rect(left + x * cell, top + y * cell, cell, cell, style="F")
        self.pdf.set_left_margin(left + _CODE + 6)
        self.pdf.set_y(top)
        for text, colour in lines:
            self.line(text, 8, colour)
        self.pdf.set_left_margin(left)
