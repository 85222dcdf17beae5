"""That data which are held cannot be read now."""

from quanyu.kernel import Unavailable


class DataUnavailable(Unavailable):
    """The files of data are away or being replaced: the fault is theirs, not of who asks nor of a
    node that is busy."""

    @property
    def dataset(self) -> str | None:
        """The slug of the data, ``None`` for observations."""
        found = self.params.get("dataset")
        return found if isinstance(found, str) else None


def being_replaced(dataset: str | None = None) -> DataUnavailable:
    """The error for files that are no more: a newer version has others."""
    return DataUnavailable(
        "the files of these data are being replaced", mend="try again in a moment", dataset=dataset
    )


def damaged(dataset: str | None = None) -> DataUnavailable:
    """The error for files that are there and are not what they were."""
    return DataUnavailable(
        "the files of these data are damaged",
        mend="whoever runs the node restores them",
        dataset=dataset,
    )
