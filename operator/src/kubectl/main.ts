#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { runCommand } from './command.ts'

process.exitCode = runCommand(process.argv.slice(2), {
  read: (path) => readFileSync(path === '-' ? 0 : path, 'utf8'),
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
})
