// The pages that ask for a mail, and those that mails lead to. Ids and names of the controls do not change:
//
//   page            controls (id = name unless given)                       form goes to
//   forgot          #login #forgot                                          POST /forgot
//   new-password    #new-password #repeat-password #set-password            POST /reset/:token
//   second-factor   #code #second-factor, #recovery-code #use-recovery-code POST /reset/:token/second-factor, /recovery-code, /second-passkey
//   confirm-email   #confirm-email                                          POST /verify-email/:token
//   join            #name #new-password #repeat-password #join              POST /invitation/:token, /register/:token
//   register        #email #register                                        POST /register
//   every form      form_token, hidden
import type { Route } from '../reply.ts'
import { createForgotRoutes } from './forgot.ts'
import { createJoinRoutes } from './join.ts'
import type { MailPageNeeds } from './page-needs.ts'
import { createRegisterRoutes } from './register.ts'
import { createResetRoutes } from './reset.ts'
import { createVerifyRoutes } from './verify.ts'

export const createMailRoutes = (needs: MailPageNeeds): readonly Route[] => [
  ...createForgotRoutes(needs),
  ...createResetRoutes(needs),
  ...createVerifyRoutes(needs),
  ...createRegisterRoutes(needs),
  ...createJoinRoutes(needs),
]
