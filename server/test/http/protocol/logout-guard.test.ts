import { expect } from 'chai'
import { createLogoutGuard } from '../../../src/http/protocol/logout-guard.ts'
import type { AuditEvent } from '../../../src/store/audit/audit-event.ts'
import { serve, testPages } from '../harness.ts'
import type { RunningPages } from '../harness.ts'

describe('createLogoutGuard', () => {
  const running: RunningPages[] = []
  afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())))

  async function send(path: string, headers: Record<string, string>, method = 'POST') {
    const events: AuditEvent[] = []
    const audit = { record: (event: AuditEvent) => void events.push(event) }
    const { pages } = testPages()
    const guard = createLogoutGuard({ basePath: '/login', origin: 'https://login.example.com', pages, audit })
    const one = await serve([guard, (_request, response) => void response.status(204).end()])
    running.push(one)
    const { status } = await one.ask(path, { headers, method })
    return { status, reasons: events.map(({ reason }) => reason) }
  }
  const confirm = '/login/logout/confirm'

  it('L1 refuses the form of another site, and says so in the audit log', async () => {
    expect(await send(confirm, { origin: 'https://evil.test' })).to.deep.equal({
      status: 403,
      reasons: ['form-foreign-origin'],
    })
    expect(await send(`${confirm}?x`, { 'sec-fetch-site': 'cross-site' })).to.deep.equal({
      status: 403,
      reasons: ['form-foreign-site'],
    })
  })

  it('passes on our own form, other methods and other paths', async () => {
    const own = { origin: 'https://login.example.com', 'sec-fetch-site': 'same-origin' }
    expect((await send(confirm, own)).status).to.equal(204)
    expect((await send(confirm, {})).status).to.equal(204)
    expect((await send(confirm, { origin: 'https://evil.test' }, 'GET')).status).to.equal(204)
    expect((await send('/logout/confirm', { origin: 'https://evil.test' })).status).to.equal(204)
  })
})
