;;; SBCL's core: sbcl --script work.lisp SHAPE N FILE builds the table and saves the core; sbcl --core FILE looks up.
(declaim (optimize (speed 2) (safety 1)))

(defun hash (i)
  (let ((x (logand (* i 2654435761) #xffffffff)))
    (logxor x (ash x -15))))

(defparameter *alphabet*
  (coerce "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/" 'simple-base-string))

(defun value (h)
  (let ((start (mod (ash h -8) 24)))
    (subseq (the simple-base-string *alphabet*) start (+ start 8 (mod h 33)))))

(defun key (i)
  (coerce (format nil "key-~7,'0d" i) 'simple-base-string))

(defvar *shape*)
(defvar *n*)
(defvar *table*)

;; vector: of values; map: sorted vectors of keys, and of values and numbers, searched by halving (SBCL has no ordered map);
;; hash: a hash table of pairs.
(defun build (shape n)
  (cond ((string= shape "vector")
         (let ((table (make-array n)))
           (dotimes (i n table) (setf (svref table i) (value (hash i))))))
        ((string= shape "map")
         (let ((keys (make-array n)) (values (make-array n)))
           (dotimes (i n (cons keys values))
             (setf (svref keys i) (key i) (svref values i) (cons (value (hash i)) (hash i))))))
        (t
         (let ((table (make-hash-table :test 'equal :size n)))
           (dotimes (i n table) (setf (gethash (key i) table) (cons (value (hash i)) (hash i))))))))

(defun find-key (key keys)
  (declare (simple-vector keys) (simple-base-string key))
  (let ((low 0) (high (length keys)))
    (declare (fixnum low high))
    (loop while (> (- high low) 1)
          do (let ((middle (ash (+ low high) -1)))
               (if (string<= (the simple-base-string (svref keys middle)) key) (setf low middle) (setf high middle))))
    low))

(defun fold-number (sum number)
  (mod (+ (* sum 31) number) 1000000007))

(defun fold-text (sum text)
  (declare (simple-base-string text))
  (loop for c across text do (setf sum (fold-number sum (char-code c))))
  sum)

(defun look ()
  (let ((state 12345) (sum 0))
    (dotimes (turn 100 sum)
      (setf state (logand (+ (* state 1103515245) 12345) #x7fffffff))
      (let ((i (mod (ash state -8) *n*)))
        (if (string= *shape* "vector")
            (setf sum (fold-text sum (svref *table* i)))
            (let ((pair (if (string= *shape* "map")
                            (svref (cdr *table*) (find-key (key i) (car *table*)))
                            (gethash (key i) *table*))))
              (setf sum (fold-number (fold-text sum (car pair)) (cdr pair)))))))))

(defun main ()
  (format t "~d~%" (look))
  (finish-output)
  (sb-ext:exit :code 0 :abort t))

(destructuring-bind (shape n file) (last sb-ext:*posix-argv* 3)
  (setf *shape* shape *n* (parse-integer n) *table* (build shape *n*))
  (sb-ext:save-lisp-and-die file :toplevel #'main))
