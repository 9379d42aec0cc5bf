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

/** Run the flows that were asked for, one after the other; a line for each says how it ended. */
export async function run(flows) {
  for (const flow of told.flows) {
    try {
      console.log(JSON.stringify({ flow, learnt: await flows[flow]() }));
    } catch (error) {
      console.log(JSON.stringify({ flow, failed: `${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.cause ?? null)}` }));
    }
  }
  process.exit(0);
}
