#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

// Reading and compiling the modules is most of a start. NODE_DISABLE_COMPILE_CACHE=1 does without.
enableCompileCache()
const { createProgram } = await import('./program.ts')
await createProgram().parseAsync()
