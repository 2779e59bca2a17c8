;; Answers Redis messages: the handler of Spin before version 4 (source of the types: Spin's wit, inbound-redis and redis-types).
(component
  (type $redis-types (instance
    (type $of-error (enum "success" "error"))
    (export "error" (type (eq $of-error)))
    (type $of-payload (list u8))
    (export "payload" (type (eq $of-payload)))))
  (import "fermyon:spin/redis-types" (instance $types (type $redis-types)))
  (alias export $types "error" (type $error))
  (core module $code
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "handle") (param i32 i32) (result i32) (i32.const 0)))
  (core instance $made (instantiate $code))
  (func $handle (param "message" (list u8)) (result (result (error $error)))
    (canon lift (core func $made "handle") (memory (core memory $made "memory")) (realloc (core func $made "realloc"))))
  (instance $exported (export "handle-message" (func $handle)))
  (export "fermyon:spin/inbound-redis" (instance $exported)))
