# Broken on purpose: fails half way, and what it did by then stays done.
class SplitPostTexts < ActiveRecord::Migration[7.2]
  disable_ddl_transaction!

  def up
    add_column :posts, :summary, :text
    execute "UPDATE posts SET summary = text_that_nobody_has"
  end

  def down = remove_column(:posts, :summary)
end
