"""Operations 运行: the loop that keeps resources working."""
