"""Answers out of documents, each with the passage that it stands in: LlamaIndex's CitationQueryEngine.

The passages are found by meaning, with an embedding model of the same gateway and the same key.
"""

import re

from gateway import run
from llama_index.core import VectorStoreIndex
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.schema import TextNode

from llama_index_anyfast import AnyfastEmbedding, AnyfastLLM

HANDBOOK = {
    "light.md": """The light of Skerry Point was lit for the first time on 4 May 1871.
The lens weighs three tonnes and turns in a bath of mercury.""",
    "keeper.md": """The keeper cleans the lens every Monday, before the tide turns.
In fog the keeper rings the bell once a minute.""",
    "visitors.md": """Visitors may climb the tower from June to September.
The tower has 214 steps and no lift. Dogs wait at the gate.""",
}
QUESTIONS = ("How much does the lens weigh?", "When does the keeper clean the lens?", "May visitors come in July?")


def main() -> None:
    passages = [(name, line) for name, text in HANDBOOK.items() for line in text.splitlines()]
    nodes = [TextNode(text=line, metadata={"file": name}) for name, line in passages]
    index = VectorStoreIndex(nodes, embed_model=AnyfastEmbedding(model="doubao-embedding"))
    engine = CitationQueryEngine.from_args(
        index, similarity_top_k=3, llm=AnyfastLLM(model="deepseek-v4-pro", thinking=True)
    )
    for question in QUESTIONS:
        answer = engine.query(question)
        print(f"{question}\n  {answer}")
        for number in sorted({int(cited) for cited in re.findall(r"\[(\d+)\]", str(answer))}):
            source = answer.source_nodes[number - 1].node
            print(f"  [{number}] {source.metadata['file']}: {source.text.split(':', 1)[1].strip()}")


if __name__ == "__main__":
    run(main)
