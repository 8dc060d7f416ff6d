// Reads the password for a command: prompted without echo, from standard input, or generated. Never an argument, which other users of the
// machine could see.
import { randomBytes } from 'node:crypto'
import { StringDecoder } from 'node:string_decoder'
import { CodedError } from '@nauthera/runtime/coded-error'
import { Secret } from '@nauthera/runtime/secret'
import type { Terminal } from '../terminal/terminal.ts'

export interface PasswordOptions {
  readonly passwordStdin?: boolean
  readonly generate?: boolean
}

/** @returns the password, and whether it was generated and must be shown
 *  @throws CodedError USAGE_INVALID */
export async function promptPassword(
  terminal: Terminal,
  options: PasswordOptions,
): Promise<{ password: Secret; generated: boolean }> {
  if (options.generate === true) return { password: generatePassword(), generated: true }
  if (options.passwordStdin === true) return { password: await readLine(terminal), generated: false }
  if (terminal.stdin.isTTY !== true) {
    const message = 'there is no terminal to ask at; use --password-stdin or --generate'
    throw new CodedError('USAGE_INVALID', { faults: [{ path: 'password', message }] })
  }
  const password = await askHidden(terminal, 'New password: ')
  if ((await askHidden(terminal, 'Repeat the password: ')).reveal() !== password.reveal()) {
    throw new CodedError('USAGE_INVALID', {
      faults: [{ path: 'password', message: 'the two passwords are not the same' }],
    })
  }
  return { password, generated: false }
}

/** 120 random bits in groups that can be read out. */
function generatePassword(): Secret {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789'
  const symbols: string[] = []
  while (symbols.length < 25) {
    const byte = randomBytes(1)[0]!
    // no remainder, so every symbol is equally likely
    if (byte < letters.length * 8) symbols.push(letters[byte % letters.length]!)
  }
  return new Secret(symbols.join('').replace(/.{5}(?=.)/g, '$&-'))
}

async function readLine({ stdin }: Terminal): Promise<Secret> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    chunks.push(bytes)
    if (size > 4096) break
  }
  return new Secret(Buffer.concat(chunks).toString('utf8').split(/\r?\n/)[0] ?? '')
}

/** Reads one line in raw mode: the terminal shows nothing, and we handle the keys that it otherwise handles. */
function askHidden({ stdin, stderr }: Terminal, question: string): Promise<Secret> {
  stderr.write(question)
  stdin.setRawMode?.(true)
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8')
    let typed = ''
    const end = (finish: () => void) => {
      stdin.off('data', read)
      stdin.off('end', giveUp)
      stdin.setRawMode?.(false)
      stdin.pause()
      stderr.write('\n')
      finish()
    }
    const giveUp = () => {
      end(() => reject(new CodedError('USAGE_INVALID', { faults: [{ path: 'password', message: 'cancelled' }] })))
    }
    const read = (chunk: Buffer | string) => {
      const characters = Array.from(typeof chunk === 'string' ? chunk : decoder.write(chunk))
      for (const [index, character] of characters.entries()) {
        if (character === '\r' || character === '\n') {
          // input after the line belongs to the next question
          const rest = characters.slice(index + 1).join('')
          return end(() => {
            if (rest !== '') stdin.unshift(Buffer.from(rest))
            resolve(new Secret(typed))
          })
        }
        // Ctrl-C and Ctrl-D, which raw mode gives us as characters
        if (character === '\u0003' || character === '\u0004') return giveUp()
        if (character === '\u007f' || character === '\b') typed = Array.from(typed).slice(0, -1).join('')
        else typed += character
      }
    }
    stdin.on('data', read)
    stdin.once('end', giveUp)
    stdin.resume()
  })
}
