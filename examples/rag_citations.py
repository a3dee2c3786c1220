"""Answers out of documents, each with the passage that it stands in: LlamaIndex's CitationQueryEngine.

No page of Anyfast documents embeddings, so the passages are found by their words, which costs no call. To search by
meaning, put the retriever of an index with an embedding model of your choice in its place.
"""

import re

from gateway import run
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from llama_index_anyfast import AnyfastLLM

HANDBOOK = {
    "light.md": """The light of Skerry Point was lit for the first time on 4 May 1871.
The lens weighs three tonnes and turns in a bath of mercury.""",
    "keeper.md": """The keeper cleans the lens every Monday, before the tide turns.
In fog the keeper rings the bell once a minute.""",
    "visitors.md": """Visitors may climb the tower from June to September.
The tower has 214 steps and no lift. Dogs wait at the gate.""",
}
QUESTIONS = ("How much does the lens weigh?", "When does the keeper clean the lens?", "May visitors come in July?")


class WordRetriever(BaseRetriever):
    """Finds the passages that share words with the question."""

    def __init__(self, nodes: list[TextNode]) -> None:
        super().__init__()
        self.nodes = nodes

    def _retrieve(self, query: QueryBundle) -> list[NodeWithScore]:
        asked = words(query.query_str)
        found = [NodeWithScore(node=node, score=len(words(node.text) & asked)) for node in self.nodes]
        return [one for one in found if one.score]


def words(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"\w{4,}", text.lower())}


def main() -> None:
    passages = [(name, line) for name, text in HANDBOOK.items() for line in text.splitlines()]
    retriever = WordRetriever([TextNode(text=line, metadata={"file": name}) for name, line in passages])
    engine = CitationQueryEngine(retriever, llm=AnyfastLLM(model="deepseek-v4-pro", thinking=True))
    for question in QUESTIONS:
        answer = engine.query(question)
        print(f"{question}\n  {answer}")
        for number in sorted({int(cited) for cited in re.findall(r"\[(\d+)\]", str(answer))}):
            source = answer.source_nodes[number - 1].node
            print(f"  [{number}] {source.metadata['file']}: {source.text.split(':', 1)[1].strip()}")


if __name__ == "__main__":
    run(main)
