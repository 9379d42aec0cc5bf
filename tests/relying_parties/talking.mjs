// How a relying party of Node talks to the test: a line of JSON out, a line of JSON back. The test is the browser.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

export const told = JSON.parse(process.argv[2]);

/** The npm package `name`, from where it was installed. */
export const load = (name) => import(pathToFileURL(createRequire(`${told.modules}/`).resolve(name)));

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Ask the test to do something, and wait for what it answers. */
export async function ask(what) {
  console.log(JSON.stringify(what));
  return JSON.parse((await lines.next()).value);
}

/** Run the flow that was asked for; its result is the last line. Anything thrown ends the process with its stack. */
export async function run(flows) {
  console.log(JSON.stringify({ done: await flows[told.flow]() }));
  process.exit(0);
}
