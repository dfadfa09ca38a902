;;; work.el --- Emacs's portable dump  -*- lexical-binding: t -*-
;;; emacs -Q --batch -l work.elc -f work-make SHAPE N FILE; then emacs --dump-file=FILE -Q --batch -f work-look
;;; Code:

(defvar work-shape)
(defvar work-n)
(defvar work-table)

(defun work-hash (i)
  (let ((x (logand (* i 2654435761) #xffffffff)))
    (logxor x (ash x -15))))

(defun work-value (h)
  (let ((start (mod (ash h -8) 24)))
    (substring "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/" start (+ start 8 (mod h 33)))))

(defun work-key (i) (format "key-%07d" i))

;; vector: of values; map: a sorted vector of keys and one of pairs, searched by halving; hash: a hash table of pairs.
(defun work-build (shape n)
  (let ((values (make-vector n nil)) (keys (make-vector n nil)))
    (pcase shape
      ("vector" (dotimes (i n) (aset values i (work-value (work-hash i)))) values)
      ("map"
       (dotimes (i n)
         (aset keys i (work-key i))
         (aset values i (cons (work-value (work-hash i)) (work-hash i))))
       (cons keys values))
      (_ (let ((table (make-hash-table :test 'equal :size n)))
           (dotimes (i n) (puthash (work-key i) (cons (work-value (work-hash i)) (work-hash i)) table))
           table)))))

(defun work-make ()
  (pcase-let ((`(,shape ,n ,file) command-line-args-left))
    (setq command-line-args-left nil)
    (setq work-shape shape work-n (string-to-number n) gc-cons-threshold most-positive-fixnum)
    (setq work-table (work-build shape work-n))
    (work-relocate-native-code)
    (dump-emacs-portable file)))

;; A dump names compiled files relative to Emacs's directory, as the build of Emacs itself sees to for its own.
(defun work-relocate-native-code ()
  (when (fboundp 'native-comp-unit-set-file)
    (let ((units (make-hash-table :test 'eq)))
      (mapatoms
       (lambda (symbol)
         (let ((f (symbol-function symbol)))
           (when (subr-native-elisp-p f) (puthash (subr-native-comp-unit f) t units)))))
      (maphash
       (lambda (unit _)
         (let ((file (native-comp-unit-file unit)))
           (when (stringp file)
             (let ((name (file-relative-name file invocation-directory)))
               (native-comp-unit-set-file unit (cons name name))))))
       units))))

(defun work-find (key keys)
  (let ((low 0) (high (length keys)))
    (while (> (- high low) 1)
      (let ((middle (ash (+ low high) -1)))
        (if (string< key (aref keys middle)) (setq high middle) (setq low middle))))
    low))

(defun work-fold-number (sum number) (mod (+ (* sum 31) number) 1000000007))

(defun work-fold-text (sum text)
  (dotimes (at (length text)) (setq sum (work-fold-number sum (aref text at))))
  sum)

(defun work-look ()
  (let ((state 12345) (sum 0))
    (dotimes (_ 100)
      (setq state (logand (+ (* state 1103515245) 12345) #x7fffffff))
      (let ((i (mod (ash state -8) work-n)))
        (if (equal work-shape "vector")
            (setq sum (work-fold-text sum (aref work-table i)))
          (let ((pair (if (equal work-shape "map")
                          (aref (cdr work-table) (work-find (work-key i) (car work-table)))
                        (gethash (work-key i) work-table))))
            (setq sum (work-fold-number (work-fold-text sum (car pair)) (cdr pair)))))))
    (princ (format "%d\n" sum))))

;;; work.el ends here
