"""Control-store table of what this node, as a witness, has seen of other logs."""

from datetime import datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Moment, Table


class WitnessedRow(Table):
    """The newest checkpoint of another log that was cosigned here; ``root`` is hexadecimal."""

    __tablename__ = "witnessed_log"

    origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Moment)
