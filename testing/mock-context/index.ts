/** A context for testing one processor alone. */
export {
  type CapturedForward,
  type CapturedPunctuator,
  createMockContext,
  type MockContext,
  type MockContextOptions,
} from './mock-context.ts'
