"""What every Aljibe service needs and that knows no business noun; `chassis/README.md` is the tour."""
