#!/usr/bin/env node
// The pinned solc of node_modules behind the command line of a native one, for py-solc-x and forge:
//
//   solc-node.js --version
//   solc-node.js --standard-json [--base-path DIR] [--include-path DIR]… [--allow-paths …] < input > output
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const USAGE =
  "usage: solc-node.js --version | --standard-json [--base-path DIR] [--include-path DIR]…";

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function parse(argv) {
  const options = { version: false, standardJson: false, basePath: "", includePaths: [] };
  for (let i = 0; i < argv.length; i++) {
    const [flag, attached] = argv[i].split(/=(.*)/s, 2);
    const value = () => attached ?? argv[++i] ?? fail(`No value given for option ${flag}`);
    if (flag === "--version") options.version = true;
    else if (flag === "--standard-json") options.standardJson = true;
    else if (flag === "--base-path") options.basePath = value();
    else if (flag === "--include-path") options.includePaths.push(value());
    else if (flag === "--allow-paths")
      value(); // any file that this user may read is allowed
    else if (flag !== "-") fail(`unrecognised option '${flag}'\n${USAGE}`);
  }
  return options;
}

function importer({ basePath, includePaths }) {
  return (name) => {
    for (const folder of [basePath, ...includePaths]) {
      const file = path.resolve(folder, name);
      if (fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
    }
    return { error: "File not found inside the base path or any of the include paths." };
  };
}

function compiler() {
  try {
    return require("solc");
  } catch (error) {
    return fail(`no compiler in ${__dirname}: run npm ci there (${error.code})`);
  }
}

async function main() {
  const options = parse(process.argv.slice(2));
  if (options.version) {
    const version = compiler().version().replace(".Emscripten.clang", ".Linux.g++");
    process.stdout.write(
      `solc, the solidity compiler commandline interface\nVersion: ${version}\n`,
    );
  } else if (options.standardJson) {
    const chunks = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    const input = Buffer.concat(chunks).toString("utf8");
    process.stdout.write(compiler().compile(input, { import: importer(options) }));
  } else {
    fail(USAGE);
  }
}

main();
