import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createMetrics } from '@nauthera/runtime/metrics'
import { createMailsOff } from '../../../src/app/outbox.ts'
import { createBacklogGauges } from '../../../src/store/outbox/backlog.ts'
import { outboxInsert } from '../../../src/store/outbox/outbox-rows.ts'
import { statement } from '../../../src/store/driver/database.ts'
import { keepLog } from '../../http/harness.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'
import { outboxSettled } from '../wait-for.ts'

const insert = statement('test-mails-off-insert', outboxInsert('$1'))
const makeOlder = statement(
  'test-mails-off-older',
  "UPDATE outbox SET created_at = created_at - interval '1 hour', give_up_at = give_up_at - interval '1 hour' WHERE done_at IS NULL",
)

describe(createMailsOff.name, () => {
  let fresh: FreshStore
  before(async () => void (fresh = await freshStore()))
  after(() => fresh.stop())

  it('gives up what waits from when mail was on, with words, and leaves what another replica may send', async () => {
    const { outbox, database, audit } = fresh.replica({ sendsMail: true })
    const kinds = ['mail', 'reset-request', 'registration-request'] as const
    const queue = async () => {
      const work = kinds.map((kind) => ({ kind, onceKey: randomUUID(), payload: {}, giveUpAfterMs: 86_400_000 }))
      await database.query(insert, [outbox.workRows(work)])
    }
    await queue()
    await database.query(makeOlder)
    await queue()
    const log = keepLog()
    const runner = createMailsOff({ outbox, log })
    runner.start()
    await outboxSettled({ waiting: async () => (await outbox.waiting()) - kinds.length })
    await runner.stop()
    const metrics = createMetrics('test')
    const gauges = createBacklogGauges({ database, metrics, log })
    await gauges.measure()
    for (const kind of kinds)
      expect(await metrics.render()).to.match(new RegExp(`waiting_rows\\{kind="${kind}"[^}]*\\} 1\n`))
    const events = await audit.search({ event: 'outbox.given_up', limit: 10 })
    expect(events.map(({ detail }) => detail?.['kind'])).to.have.members(kinds)
    for (const { reason } of events) expect(reason).to.equal('mail is off (setting mail)')
    await database.query(makeOlder)
    const later = createMailsOff({ outbox, log })
    later.start()
    await outboxSettled(outbox)
    await later.stop()
    await gauges.measure()
    for (const kind of kinds)
      expect(await metrics.render()).to.match(new RegExp(`waiting_rows\\{kind="${kind}"[^}]*\\} 0\n`))
  })
})
