import type { AllTexts } from '../http/branding/texts.ts'
import { payloadOf } from '../store/outbox/outbox.ts'
import type { Try } from '../store/outbox/outbox-runner.ts'
import { composeMail, mailShape } from './compose.ts'
import type { Sender } from './compose.ts'
import type { Smtp } from './smtp.ts'

/** One try to send a mail of the outbox. */
export function createSendMail(needs: { smtp: Smtp; texts: AllTexts; sender: Sender }): Try {
  const host = new URL(needs.sender.issuer).hostname
  return async (work) => {
    const mail = payloadOf(work, mailShape)
    const texts = needs.texts.choose(mail.languages)
    const messageId = `<${work.id}@${host}>`
    return needs.smtp.send({ messageId, to: mail.to, ...composeMail(mail, texts, needs.sender) })
  }
}
