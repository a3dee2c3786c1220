// Whether a client that is not Python works against the emulator: Vercel's AI SDK.
// BASE_URL and API_KEY say where; each line that is printed is one thing that works.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import assert from "node:assert/strict";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const anyfast = createOpenAICompatible({
  name: "anyfast",
  baseURL: process.env.BASE_URL,
  apiKey: process.env.API_KEY,
  includeUsage: true,
});
const question = "What is the weather in Lisbon?";
const tools = {
  get_weather: tool({
    description: "The weather in a city",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `${city}: 21 degrees, clear sky`,
  }),
};

async function chats() {
  const said = await generateText({ model: anyfast("qwen3.6-flash"), prompt: "Hello" });
  assert.match(said.text, /^Hello! I am an emulated model/);
  assert.equal(said.finishReason, "stop");
  assert.ok(said.usage.totalTokens > 0);
}

async function streams() {
  const answer = streamText({ model: anyfast("gemini-2.5-pro"), prompt: "Hello" });
  const pieces = [];
  for await (const piece of answer.textStream) pieces.push(piece);
  assert.ok(pieces.length > 3);
  assert.match(pieces.join(""), /^Hello! I am an emulated model/);
  assert.ok((await answer.usage).totalTokens > 0);
}

async function reasons() {
  const said = await generateText({ model: anyfast("deepseek-v4-pro"), prompt: "Hello" });
  assert.match(said.reasoningText, /^The user asks/);
  const answer = streamText({ model: anyfast("deepseek-v4-pro"), prompt: "Hello" });
  const kinds = [];
  for await (const part of answer.fullStream) kinds.push(part.type);
  assert.ok(kinds.indexOf("reasoning-delta") < kinds.indexOf("text-delta"));
  assert.ok(kinds.includes("reasoning-delta"));
}

async function callsTools() {
  // DeepSeek refuses the second step unless the reasoning of the first comes back with it.
  for (const model of ["qwen3.6-flash", "deepseek-v4-pro"]) {
    const said = await generateText({ model: anyfast(model), prompt: question, tools, stopWhen: stepCountIs(3) });
    assert.equal(said.steps[0].toolCalls[0].toolName, "get_weather");
    assert.deepEqual(said.steps[0].toolCalls[0].input, { city: "Lisbon" });
    assert.match(said.text, /21 degrees/);
  }
}

async function streamsToolCalls() {
  const answer = streamText({ model: anyfast("qwen3.6-flash"), prompt: question, tools, stopWhen: stepCountIs(3) });
  assert.match(await answer.text, /21 degrees/);
  assert.equal((await answer.steps).length, 2);
}

async function hearsRefusals() {
  const stranger = createOpenAICompatible({ name: "anyfast", baseURL: process.env.BASE_URL, apiKey: "another" });
  await assert.rejects(
    generateText({ model: stranger("qwen3.6-flash"), prompt: "Hello", maxRetries: 0 }),
    (error) => error.statusCode === 401 && /Invalid API key provided/.test(error.message),
  );
}

for (const check of [chats, streams, reasons, callsTools, streamsToolCalls, hearsRefusals]) {
  await check();
  console.log(`works: ${check.name}`);
}
