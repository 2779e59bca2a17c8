"""News is told once, and of very many objects as a few sentences and a number."""

from __future__ import annotations

from reconciler.agent.news import News, Newsroom


def test_news_is_told_once_and_much_of_one_kind_is_summed_up() -> None:
    room = Newsroom()
    for number in range(500):
        room.add(News(sort="Normal", reason="Adopted", note=f"object {number}", action="Apply"))
    room.add(News(sort="Warning", reason="Contested", note="fought over", action="Apply"))
    told = list(room.take())
    assert [news.note for news in told[:2]] == ["object 0", "object 1"]
    assert told[20].note == "and 480 more, the last: object 499"
    assert told[21:] == [News(sort="Warning", reason="Contested", note="fought over", action="Apply")]
    assert list(room.take()) == []
