// What whoever speaks as PostgreSQL may say in the place of any answer: lies that end, and lies that do not.
import { columns, complete, message, ready, row } from './untrue-postgres.ts'

const refusal = message('E', 'SERROR\0C42601\0Mrefused\0\0')

const signIn = (step: number, text: string) =>
  message('R', Buffer.concat([Buffer.from([0, 0, 0, step]), Buffer.from(text)]))

export const lies: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.alloc(40),
  Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
  Buffer.from([0x44, 0, 0, 0, 0]),
  Buffer.from([0x44, 0, 0, 0, 3, 0]),
  Buffer.from([0x44, 0xff, 0xff, 0xff, 0xff, 0]),
  Buffer.from([0x44, 0x7f, 0xff, 0xff, 0xff, 0]),
  // an error without an end, which a reader looks for beyond all bytes
  message('E', 'SERROR\0C42601'),
  message('E', ''),
  message('E', 'S'),
  Buffer.concat([refusal, ready()]),
  Buffer.concat([refusal, refusal, ready(), refusal]),
  message('N', 'SNOTICE\0'),
  ...['S', 'A', 'K', 'Z', 'C', 'T', 'D', 't', 'R', 'G', 'H', 'd'].map((type) => message(type)),
  message('A', [0, 0, 0, 1, 0x63]),
  message('R', [0, 0, 0, 99]),
  message('R', [0, 0, 0, 3]),
  message('R', [0, 0, 0, 5]),
  message('R', [0, 0, 0, 10]),
  signIn(10, 'SCRAM-SHA-256\0\0'),
  signIn(11, 'r=x,s=eA==,i=4096'),
  signIn(12, 'v=x'),
  message('T', [0xff, 0xff]),
  message('T', [0x7f, 0xff]),
  Buffer.concat([columns(['other', 25]), row('x'), complete('SELECT 1'), ready()]),
  Buffer.concat([columns(['n', 3802], ['none', 25]), row('{', 'x'), complete('SELECT 1'), ready()]),
  Buffer.concat([row('x'), complete('SELECT 1'), ready()]),
  Buffer.concat([message('2'), row('x', 'y', 'z'), complete('SELECT 1'), ready()]),
  message('D', [0xff, 0xff]),
  message('D', [0, 1, 0xff, 0xff, 0xff, 0xfe]),
  message('D', [0, 1, 0, 0, 0, 9, 0x61]),
  Buffer.concat([complete('COMMIT'), ready()]),
  Buffer.concat([complete('ROLLBACK'), ready()]),
  complete('SELECT 1'),
  Buffer.concat([message('1'), message('1'), message('2'), ready(), ready()]),
  Buffer.concat([message('G', [0, 0, 0]), message('G', [0, 0, 1])]),
  Buffer.concat([message('H', [0, 0, 0]), message('d', 'x'), message('c'), complete('COPY 1'), ready()]),
  Buffer.concat([message('s'), ready()]),
  Buffer.concat([message('I'), ready()]),
  message('W', [0, 0, 0]),
  Buffer.from([0x31, 0, 0, 0, 4, 0x5a, 0, 0, 0, 5]),
]

const many = (count: number) => Array.from({ length: count }, (_, n) => [`c${n}`, 25] as const)

const json = '['.repeat(30_000) + ']'.repeat(30_000)

/** What it is -> how it begins, and what follows for ever. */
export const endlessLies: Readonly<Record<string, readonly [head: Buffer, more: Buffer]>> = {
  'one message': [Buffer.from([0x44, 0x7f, 0xff, 0xff, 0xff]), Buffer.alloc(65_536, 'x')],
  'a row of many columns': [Buffer.alloc(0), message('D', [0x7f, 0xff, ...Buffer.alloc(4 * 0x7fff, 0xff)])],
  rows: [columns(['n', 25]), row('x')],
  'rows without columns': [columns(), row()],
  'rows of JSON': [columns(['n', 3802]), row(json)],
  'rows after their columns were described by many': [
    columns(...many(1664)),
    row(...Array.from({ length: 1664 }, () => null)),
  ],
  columns: [Buffer.alloc(0), columns(['n', 25])],
  ends: [Buffer.alloc(0), complete('SELECT 1')],
  errors: [Buffer.alloc(0), refusal],
  'questions for the password': [Buffer.alloc(0), message('R', [0, 0, 0, 3])],
  'ways to sign in': [Buffer.alloc(0), signIn(10, 'SCRAM-SHA-256\0\0')],
  'questions for rows to copy': [Buffer.alloc(0), message('G', [0, 0, 0])],
}
