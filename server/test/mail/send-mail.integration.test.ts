import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { holdFreePort } from '@nauthera/local/processes/ports'
import { startMailbox } from '@nauthera/local/programs/mailbox'
import type { Mailbox } from '@nauthera/local/programs/mailbox'
import { localesDirectory } from '../../src/files.ts'
import { readTexts } from '../../src/http/branding/texts.ts'
import { createSendMail } from '../../src/mail/send-mail.ts'
import { createSmtp } from '../../src/mail/smtp.ts'
import type { Mail } from '../../src/mails.ts'
import { createOutboxRunner, outboxTimes } from '../../src/store/outbox/outbox-runner.ts'
import type { OutboxRunner } from '../../src/store/outbox/outbox-runner.ts'
import { statement } from '../../src/store/driver/database.ts'
import type { Store } from '../../src/store/store.ts'
import { keepLog } from '../http/harness.ts'
import { freshStore } from '../store/fresh-store.ts'
import type { FreshStore } from '../store/fresh-store.ts'
import { outboxSettled, waitFor } from '../store/wait-for.ts'

const times = { ...outboxTimes, pollMs: 20, leaseMs: 3_600_000, stopMs: 25_000 }
const isTried = statement(
  'test-mail-tried',
  'SELECT 1 AS one FROM outbox WHERE tries = 1 AND next_at < now() + $1::interval',
)
const makeDue = statement('test-mail-due', 'UPDATE outbox SET next_at = now() WHERE done_at IS NULL')

describe(createSendMail.name, () => {
  let fresh: FreshStore
  let stores: Store[]
  const runners: OutboxRunner[] = []
  const boxes: Mailbox[] = []
  before(async () => {
    fresh = await freshStore()
    stores = [1, 2].map(() => fresh.replica({ sendsMail: true }))
  })
  after(() => fresh.stop())
  afterEach(async () => {
    await Promise.all(runners.splice(0).map((runner) => runner.stop()))
    await Promise.all(boxes.splice(0).map((box) => box.stop()))
  })

  async function open(port?: number): Promise<Mailbox> {
    const box = await startMailbox(port === undefined ? {} : { port })
    boxes.push(box)
    return box
  }

  function run(port: number): void {
    const sendMail = createSendMail({
      smtp: createSmtp({ host: '127.0.0.1', port, from: 'login@example.com', tls: 'off' }),
      texts: readTexts(localesDirectory),
      sender: { title: 'Example', issuer: 'https://login.example.com' },
    })
    for (const { outbox } of stores) {
      const runner = createOutboxRunner({ outbox, tries: { mail: sendMail }, log: keepLog(), times })
      runners.push(runner)
      runner.start()
    }
  }

  const queue = (languages: string[] = []): Promise<boolean> => {
    const data = { person: 'ada', at: '2026-01-02T03:04:05Z', minutes: 15 }
    const mail: Mail = { onceKey: randomUUID(), to: 'ada@example.com', template: 'locked', languages, data }
    return stores[0]!.outbox.enqueue(mail)
  }

  const settled = () => outboxSettled(stores[0]!.outbox)
  const tried = () =>
    waitFor(async () => {
      const rows = await stores[0]!.database.query(isTried, ['10 minutes'])
      return rows.length > 0 ? undefined : 'no mail waits after a first try'
    })

  it('sends a mail once, in the language of the person, by one of two replicas', async () => {
    const box = await open()
    run(box.port)
    await queue(['sv', 'de-AT', 'en'])
    await settled()
    expect(box.mails).to.have.length(1)
    expect(box.mails[0]!.subject).to.equal('Ihr Konto bei Example ist gesperrt')
    expect(box.mails[0]!.messageId).to.match(/^<[0-9a-f-]{36}@login\.example\.com>$/)
  })

  it('a mail that waits for a mail server that is down goes out when it is back', async () => {
    const held = await holdFreePort()
    run(held.port)
    await queue()
    await tried()
    await held.release()
    const box = await open(held.port)
    await stores[0]!.database.query(makeDue)
    await settled()
    expect(box.mails).to.have.length(1)
  })

  it('a mail server that dies before it answers gets the same mail again, by its Message-ID', async () => {
    const box = await open()
    box.behave('die-after-data')
    run(box.port)
    await queue()
    await box.mail(() => true)
    await tried()
    box.behave('accept')
    await stores[0]!.database.query(makeDue)
    await settled()
    expect(box.mails).to.have.length(2)
    expect(box.mails[0]!.messageId).to.equal(box.mails[1]!.messageId)
  })
})
