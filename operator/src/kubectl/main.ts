#!/usr/bin/env node
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import packageJson from '../../package.json' with { type: 'json' }
import { runCommand } from './command.ts'

const ending = runCommand(process.argv.slice(2), {
  version: packageJson.version,
  read: (path) => readFileSync(path === '-' ? 0 : path, 'utf8'),
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  kubectl: (args, input) => {
    const { error, status, stdout, stderr } = spawnSync('kubectl', args, {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
      // programs for credentials may ask the person
      stdio: [input === undefined ? 'inherit' : 'pipe', 'pipe', 'pipe'],
      ...(input === undefined ? {} : { input }),
    })
    return { code: error === undefined ? (status ?? 1) : undefined, stdout: stdout ?? '', stderr: stderr ?? '' }
  },
  now: Date.now,
  pause: (milliseconds) => setTimeout(milliseconds),
  isColoured: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
  print: (text) => process.stdout.write(text),
  stream: (args, onLine) =>
    new Promise((resolve) => {
      const child = spawn('kubectl', args, { stdio: ['inherit', 'pipe', 'pipe'] })
      let stderr = ''
      child.stderr.on('data', (text) => (stderr += String(text)))
      createInterface(child.stdout).on('line', onLine)
      child.once('error', ({ message }) => resolve({ code: undefined, stderr: message }))
      child.once('close', (code) => resolve({ code: code ?? 1, stderr }))
    }),
})

// no await at the top: a single executable takes CommonJS alone
void ending.then((code) => (process.exitCode = code))
