import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import { startMailbox } from '@nauthera/local/programs/mailbox'
import type { Mailbox } from '@nauthera/local/programs/mailbox'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import type { Identity } from '@nauthera/proto/certificates'
import { injectionsOf, standBetween } from '../write-between.ts'
import { createSmtp } from '../../src/mail/smtp.ts'
import type { Message } from '../../src/mail/smtp.ts'
import type { MailSettings } from '../../src/settings/mail.ts'

const message: Message = {
  messageId: '<0f3c@login.example.com>',
  to: 'ada@example.com',
  subject: 'Grüße',
  text: 'Hello – Ada',
  html: '<p>Hello – Ada</p>',
}

describe(createSmtp.name, () => {
  const boxes: Mailbox[] = []
  let directory: string
  before(() => {
    directory = temporaryDirectory('smtp')
  })
  afterEach(() => Promise.all(boxes.splice(0).map((box) => box.stop())))

  async function start(options: Parameters<typeof startMailbox>[0] = {}): Promise<Mailbox> {
    const box = await startMailbox(options)
    boxes.push(box)
    return box
  }

  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content)
    return join(directory, name)
  }

  const plain = (port: number): MailSettings => ({
    host: '127.0.0.1',
    port,
    from: 'Login <login@example.com>',
    tls: 'off',
  })

  it('sends text and HTML, with the id that it was given', async () => {
    const box = await start()
    expect(await createSmtp(plain(box.port)).send(message)).to.deep.equal({ kind: 'done' })
    const [mail] = box.mails
    expect(mail).to.deep.include({ from: 'login@example.com', to: ['ada@example.com'], messageId: message.messageId })
    expect(mail).to.deep.include({ subject: 'Grüße', secure: false })
    expect(mail!.text).to.contain('Hello – Ada')
    expect(mail!.html).to.contain('<p>Hello – Ada</p>')
    expect(mail!.headers.get('auto-submitted')).to.equal('auto-generated')
  })

  it('L15 an address or a subject cannot become another header or recipient', async () => {
    const box = await start()
    const smtp = createSmtp(plain(box.port))
    for (const to of [
      'a@b.test\r\nBcc: evil@evil.test',
      'a@b.test, evil@evil.test',
      'x <evil@evil.test>',
      '"a b"@c.test',
    ])
      expect(await smtp.send({ ...message, to }), to).to.include({ kind: 'never' })
    expect(box.mails).to.deep.equal([])
    await smtp.send({ ...message, subject: 'Hello\r\nBcc: evil@evil.test' })
    expect(box.mails[0]!.to).to.deep.equal(['ada@example.com'])
    expect([...box.mails[0]!.headers.keys()]).to.not.include('bcc')
    expect(box.mails[0]!.subject).to.equal('Hello Bcc: evil@evil.test')
  })

  for (const [behaviour, outcome] of [
    ['refuse', 'never'],
    ['defer', 'later'],
    ['die-after-data', 'later'],
  ] as const) {
    it(`a server that does "${behaviour}" means: ${outcome}`, async () => {
      const box = await start()
      box.behave(behaviour)
      expect(await createSmtp(plain(box.port)).send(message)).to.include({ kind: outcome })
    })
  }

  it('a server that is not there means: later', async () => {
    expect(await createSmtp(plain(await freePort())).send(message)).to.include({ kind: 'later' })
  })

  describe('a mail is given up for what the server says of its recipient alone', () => {
    const plainCodes = [500, 501, 502, 503, 521, 530, 535, 541, 550, 551, 552, 553, 554, 555]
    const enhancedCodes = '5.0.0 5.2.0 5.2.1 5.2.2 5.2.3 5.2.4 5.3.4 5.4.4 5.5.1 5.6.7 5.7.0 5.7.1 5.7.26 5.7.133'
      .split(' ')
      .concat(Array.from({ length: 11 }, (_, detail) => `5.1.${detail}`))
    const finalOnes: readonly string[] = ['0', '1', '2', '3', '4', '5', '6', '10'].map((detail) => `5.1.${detail}`)
    const isFinal = { 'MAIL FROM': () => false, 'RCPT TO': isOfRecipient, DATA: isOfRecipient }
    function isOfRecipient(at: string, code: number, enhanced: string): boolean {
      if (enhanced !== '') return finalOnes.includes(enhanced) || enhanced === '5.2.1'
      return at === 'RCPT TO' && [550, 551, 553].includes(code)
    }

    for (const at of ['MAIL FROM', 'RCPT TO', 'DATA'] as const) {
      it(`every refusal in answer to ${at}`, async () => {
        // the enhanced code counts where there is one
        const each = [
          ...plainCodes.map((code) => ({ code, enhanced: '' })),
          ...enhancedCodes.flatMap((enhanced) => [550, 554].map((code) => ({ code, enhanced }))),
        ]
        const outcomes = each.map(async ({ code, enhanced }) => {
          const box = await start()
          box.behave({ at, code, text: `${enhanced} not taken`.trim() })
          const { kind } = await createSmtp(plain(box.port)).send(message)
          expect(kind, `${code} ${enhanced}`).to.equal(isFinal[at](at, code, enhanced) ? 'never' : 'later')
          expect(box.mails).to.deep.equal([])
        })
        await Promise.all(outcomes)
      })
    }

    it('what a relay says of our sign-in, our sender or our quota waits', async () => {
      const box = await start()
      const smtp = createSmtp(plain(box.port))
      for (const [at, code, text] of [
        ['MAIL FROM', 530, '5.7.0 Authentication Required'],
        ['MAIL FROM', 550, '5.1.1 <login@example.com>: Sender address rejected: User unknown'],
        ['RCPT TO', 554, '5.7.1 <ada@example.com>: Relay access denied'],
        ['RCPT TO', 550, '5.1.8 <login@example.com>: Sender address rejected: Domain not found'],
        ['RCPT TO', 553, '5.7.1 <login@example.com>: Sender address rejected: not logged in'],
        ['DATA', 550, '5.4.5 Daily user sending limit exceeded'],
        ['DATA', 550, 'over quota'],
      ] as const) {
        box.behave({ at, code, text })
        const outcome = await smtp.send(message)
        expect(outcome, text).to.include({ kind: 'later' })
        expect(outcome, text).to.have.property('reason').that.contains(text)
      }
      box.behave('accept')
      expect(await smtp.send(message)).to.deep.equal({ kind: 'done' })
    })
  })

  it('a check asks whether the sender may send, and sends nothing', async () => {
    const box = await start()
    const smtp = createSmtp(plain(box.port))
    await smtp.check()
    box.behave({ at: 'MAIL FROM', code: 553, text: '5.7.1 not your address' })
    expect(await smtp.check().catch(String))
      .to.contain('MAIL FROM:<login@example.com>')
      .and.contain('not your address')
    box.behave({ at: 'RCPT TO', code: 550, text: 'nobody is asked for' })
    await smtp.check()
    expect(box.mails).to.deep.equal([])
  })

  describe('with TLS', () => {
    let authority: Identity
    let stranger: Identity
    let leaf: Identity
    let ca: string
    before(async () => {
      authority = await createAuthority({ name: 'mail', lifetimeMs: 3_600_000 })
      stranger = await createAuthority({ name: 'stranger', lifetimeMs: 3_600_000 })
      leaf = await issueLeaf(authority, { usage: 'server', dnsNames: ['localhost'] })
      ca = file('ca.pem', authority.cert)
    })

    const toHost = (port: number, rest: Partial<MailSettings> = {}): MailSettings => ({
      ...plain(port),
      host: 'localhost',
      tls: 'starttls',
      caFile: ca,
      ...rest,
    })

    it('L46 believes nothing that is written before TLS begins, whatever it is, and wherever it is cut', async () => {
      const box = await start({ tls: { ...leaf, implicit: false }, login: { username: 'login', password: 'right' } })
      const isQuestion = (bytes: Buffer) => bytes.toString('latin1').startsWith('STARTTLS')
      // the answers to EHLO and to a password
      const injections = injectionsOf(Buffer.from('250 AUTH PLAIN\r\n235 a\r\n'))
      const outcomes: boolean[] = []
      const work = async () => {
        const between = await standBetween({ host: '127.0.0.1', port: box.port }, isQuestion)
        await createSmtp(toHost(between.port, loginFiles('right'))).check()
        const smtp = createSmtp(toHost(between.port, loginFiles('wrong')))
        for (const speak of injections) {
          between.speak = speak
          const signedIn = smtp.check().then(
            () => true,
            () => false,
          )
          outcomes.push(await signedIn)
        }
        between.stop()
      }
      await Promise.all(Array.from({ length: 12 }, work))
      expect(outcomes.filter(Boolean)).to.deep.equal([])
      expect(outcomes).to.have.length(2 * 299)
    })

    for (const tls of ['starttls', 'implicit'] as const) {
      it(`signs in over ${tls} with the name and password in the files`, async () => {
        const login = { username: 'login', password: 'right' }
        const box = await start({ tls: { ...leaf, implicit: tls === 'implicit' }, login })
        const settings = toHost(box.port, { tls, ...loginFiles('right') })
        expect(await createSmtp(settings).send(message)).to.deep.equal({ kind: 'done' })
        expect(box.mails[0]).to.include({ secure: true, user: 'login' })
        await createSmtp(settings).check()
        expect(box.mails, 'a check sends no mail').to.have.length(1)
      })
    }

    it('a wrong password is a fault of ours: later, and never in the reason', async () => {
      const box = await start({ tls: leaf, login: { username: 'login', password: 'right' } })
      const outcome = await createSmtp(toHost(box.port, loginFiles('wrong-canary'))).send(message)
      expect(outcome).to.include({ kind: 'later' })
      expect(JSON.stringify(outcome)).to.not.contain('wrong-canary')
    })

    it('sends nothing to a server with another name, or a certificate of somebody else', async () => {
      const box = await start({ tls: leaf })
      const others = file('stranger.pem', stranger.cert)
      for (const settings of [toHost(box.port, { caFile: others }), toHost(box.port, { host: '127.0.0.1' })]) {
        expect(await createSmtp(settings).send(message)).to.include({ kind: 'later' })
      }
      expect(box.mails).to.deep.equal([])
    })

    it('sends nothing, not even a password, to a server that does not begin TLS', async () => {
      const box = await start({ login: { username: 'login', password: 'right' } })
      const settings = toHost(box.port, loginFiles('right'))
      expect(await createSmtp(settings).send(message)).to.include({ kind: 'later' })
      expect(box.mails).to.deep.equal([])
    })
  })

  const loginFiles = (password: string) => ({
    usernameFile: file('username', 'login\n'),
    passwordFile: file(`password-${password}`, `${password}\n`),
  })
})
