;; Answers HTTP through Spin's own interface (source of the types: Spin's wit, inbound-http and http-types).
(component
  (type $http-types (instance
    (type $of-method (enum "get" "post" "put" "delete" "patch" "head" "options"))
    (export "method" (type $method (eq $of-method)))
    (type $pairs (list (tuple string string)))
    (type $body (option (list u8)))
    (type $of-request (record (field "method" $method) (field "uri" string) (field "headers" $pairs) (field "params" $pairs) (field "body" $body)))
    (export "request" (type (eq $of-request)))
    (type $headers (option $pairs))
    (type $of-response (record (field "status" u16) (field "headers" $headers) (field "body" $body)))
    (export "response" (type (eq $of-response)))))
  (import "fermyon:spin/http-types" (instance $types (type $http-types)))
  (alias export $types "request" (type $request))
  (alias export $types "response" (type $response))
  (core module $code
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 0)))
  (core instance $made (instantiate $code))
  (func $handle (param "req" $request) (result $response)
    (canon lift (core func $made "handle") (memory (core memory $made "memory")) (realloc (core func $made "realloc"))))
  (instance $exported (export "handle-request" (func $handle)))
  (export "fermyon:spin/inbound-http" (instance $exported)))
